"""The secret that addresses of people are hashed with: one for a deployment."""

from infra.settings import Settings
from schemas.errors import ConfigError

SHORTEST_SECRET = 32


def pseudonym_key(settings: Settings) -> bytes:
    """The secret that addresses are hashed with.

    Raises
    ------
    ConfigError
        It is missing or too short.
    """
    secret = settings.pseudonym_key.get_secret_value()
    if len(secret) < SHORTEST_SECRET:
        raise ConfigError(
            f"PROX_PSEUDONYM_KEY must have {SHORTEST_SECRET} characters or more: openssl rand -hex 32 makes one; all jobs need the same"
        )
    return secret.encode()
