"""Secrets as the tenants files of tests have them; always the same keys, as a cluster may outlive a run."""

from base64 import urlsafe_b64encode

from pydantic import SecretStr

from infra.sealing import seal

KEYS = urlsafe_b64encode(b"the keys of tests, no secret....").decode()
VARIABLE = {"PROX_SECRETS_KEYS": KEYS}


def sealed(secret: str) -> str:
    return seal(secret, SecretStr(KEYS))
