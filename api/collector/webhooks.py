"""Webhooks of others, signed: who signs and what the fields mean is said with the key."""

from collections.abc import Callable, Mapping

from api.collector import signatures
from api.collector.keys import WebhookSettings
from models.collecting.arrival import Arrival, Parsed, json_of
from models.collecting.protocols import mailgun, mapped, sendgrid
from schemas.errors import PoisonRecordError

SENDGRID_SIGNATURE = "x-twilio-email-event-webhook-signature"
SENDGRID_TIMESTAMP = "x-twilio-email-event-webhook-timestamp"

Parse = Callable[[bytes, Mapping[str, str], WebhookSettings, Arrival], Parsed]


def parse(body: bytes, headers: Mapping[str, str], settings: WebhookSettings | None, arrival: Arrival) -> Parsed:
    """A webhook's request.

    Parameters
    ----------
    body
        As sent: signatures are over bytes.
    headers
        Names in small letters.
    settings
        Of the key; None: it is no webhook's.
    arrival
        Whose it is.

    Raises
    ------
    PoisonRecordError
        The signature is not the key's (reason `forged`), its stamp is outside of the window (`replayed`), or the body cannot be read.
    """
    if settings is None:
        raise PoisonRecordError("this key is no webhook's: give it a [keys.webhook] table", reason="forged")
    return KINDS[settings.kind](body, headers, settings, arrival)


def _sendgrid(body: bytes, headers: Mapping[str, str], settings: WebhookSettings, arrival: Arrival) -> Parsed:
    """Signed by ECDSA over stamp and body."""
    stamp = headers.get(SENDGRID_TIMESTAMP, "")
    signatures.check_ecdsa(settings.secret.get_secret_value(), stamp.encode("latin-1") + body, headers.get(SENDGRID_SIGNATURE, ""))
    signatures.check_window(stamp, arrival.received_at, settings.window_s)
    return sendgrid.parse(json_of(body), arrival)


def _mailgun(body: bytes, headers: Mapping[str, str], settings: WebhookSettings, arrival: Arrival) -> Parsed:  # noqa: ARG001 - all are called alike
    """Signed by HMAC over a stamp and a token, both in the body.

    The signature does not cover the event: who saw one request could send another event with its signature for as long as the window is
    open. So the token may be used once.
    """
    given = json_of(body)
    signed = given.get("signature") if isinstance(given, dict) else None
    if not isinstance(signed, dict) or not all(isinstance(signed.get(name), str) for name in ("token", "signature")):
        raise PoisonRecordError("no signature", reason="forged")
    stamp = str(signed.get("timestamp"))
    signatures.check_hmac(settings.secret.get_secret_value().encode(), (stamp + signed["token"]).encode("utf-8", "replace"), signed["signature"])
    signatures.check_window(stamp, arrival.received_at, settings.window_s)
    return mailgun.parse(given, arrival)._replace(token=f"{stamp} {signed['token']}")


def _hmac(body: bytes, headers: Mapping[str, str], settings: WebhookSettings, arrival: Arrival) -> Parsed:
    """Signed by HMAC-SHA-256 over `timestamp.body`."""
    stamp = headers.get(settings.timestamp_header, "")
    signature = headers.get(settings.signature_header, "").strip().removeprefix(settings.signature_prefix)
    signatures.check_hmac(settings.secret.get_secret_value().encode(), stamp.encode("latin-1") + b"." + body, signature, settings.encoding)
    signatures.check_window(stamp, arrival.received_at, settings.window_s)
    return mapped.parse(json_of(body), settings.each, settings.fields, arrival)


KINDS: dict[str, Parse] = {"sendgrid": _sendgrid, "mailgun": _mailgun, "hmac": _hmac}
