"""Signatures of webhooks, and the window in which they hold."""

import base64
import binascii
import hmac
from functools import lru_cache
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from schemas.errors import ConfigError, PoisonRecordError
from schemas.ids import Millis


def check_window(stamp: object, received_at: Millis, window_s: int) -> None:
    """Refuse a stamp that is older or later than the window.

    Parameters
    ----------
    stamp
        Seconds since 1970, as text or number.
    received_at
        Now.
    window_s
        Seconds, both ways.

    Raises
    ------
    PoisonRecordError
        It is outside (reason `replayed`), or no stamp (`forged`).
    """
    try:
        at_s = int(str(stamp))
    except ValueError as exc:
        raise PoisonRecordError("the signature's stamp is no number of seconds", reason="forged") from exc
    if abs(received_at - at_s * 1_000) > window_s * 1_000:
        raise PoisonRecordError(f"signed more than {window_s} s ago, or ahead: a replay, or a wrong clock", reason="replayed")


def check_hmac(secret: bytes, signed: bytes, signature: str, encoding: str = "hex") -> None:
    """Refuse what was not signed with this secret, by HMAC-SHA-256.

    Raises
    ------
    PoisonRecordError
        Reason `forged`.
    """
    made = hmac.new(secret, signed, sha256).digest()
    expected = made.hex() if encoding == "hex" else base64.b64encode(made).decode()
    given = signature.lower() if encoding == "hex" else signature
    if not hmac.compare_digest(expected.encode(), given.encode()):
        raise PoisonRecordError("the signature is not this key's", reason="forged")


def check_ecdsa(public_key: str, signed: bytes, signature: str) -> None:
    """Refuse what was not signed with the private half of this key, by ECDSA over SHA-256; all in base64 of DER.

    Raises
    ------
    PoisonRecordError
        Reason `forged`.
    ConfigError
        The public key is none.
    """
    known = key_of(public_key)
    try:
        known.verify(base64.b64decode(signature, validate=True), signed, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, binascii.Error, ValueError) as exc:
        raise PoisonRecordError("the signature is not this key's", reason="forged") from exc


@lru_cache(maxsize=256)
def key_of(text: str) -> ec.EllipticCurvePublicKey:
    """A public key of base64 of DER.

    Raises
    ------
    ConfigError
        It is none.
    """
    try:
        key = load_der_public_key(base64.b64decode("".join(text.split()), validate=True))
    except (binascii.Error, ValueError) as exc:
        raise ConfigError("a webhook's secret is no public key in base64: copy SendGrid's verification key") from exc
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ConfigError("a webhook's public key is of no elliptic curve: copy SendGrid's verification key")
    return key
