"""Secrets at rest: sealed with a key that is not where they are."""

import sys
from typing import Annotated

import typer
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

from infra.settings import Settings
from schemas.errors import ConfigError

MARK = "sealed:"


def seal(secret: str, keys: SecretStr | None) -> str:
    """The secret, so that only these keys open it."""
    return MARK + _box(keys).encrypt(secret.encode()).decode()


def unseal(sealed: str, keys: SecretStr | None) -> str:
    """What `seal` was given.

    Raises
    ------
    ConfigError
        It is not sealed, or with another key. The message never shows it.
    """
    if not sealed.startswith(MARK):
        raise ConfigError("a secret in clear: seal it with `python -m infra secrets seal`")
    try:
        return _box(keys).decrypt(sealed.removeprefix(MARK).encode()).decode()
    except InvalidToken:
        raise ConfigError("PROX_SECRETS_KEYS does not open a sealed secret: it was sealed with another key, or changed") from None


def _box(keys: SecretStr | None) -> MultiFernet:
    if keys is None:
        raise ConfigError("PROX_SECRETS_KEYS is not set: `python -m infra secrets key` makes a key")
    try:
        return MultiFernet([Fernet(key) for key in keys.get_secret_value().split(",")])
    except ValueError:
        raise ConfigError("PROX_SECRETS_KEYS: each key is 32 bytes in URL-safe base64, as `python -m infra secrets key` makes them") from None


def register(app: typer.Typer) -> None:
    """Give the command line `secrets key` and `secrets seal`."""
    commands = typer.Typer(help="Secrets in the tenants file: make a key, seal a secret.", no_args_is_help=True)
    commands.command("key")(_key)
    commands.command("seal")(_seal)
    app.add_typer(commands, name="secrets")


def _key() -> None:
    """Make a key for PROX_SECRETS_KEYS."""
    typer.echo(Fernet.generate_key().decode())


def _seal(source: Annotated[typer.FileText, typer.Argument(help="- reads standard input")] = sys.stdin) -> None:  # type: ignore[assignment]
    """Print a secret, sealed, for the tenants file."""
    typer.echo(seal(source.read().strip("\n"), Settings.from_environment().secrets_keys))
