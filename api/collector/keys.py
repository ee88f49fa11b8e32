"""Write keys: whom a sender speaks for and how much it may send. Only hashes are kept; who has the file cannot send."""

import json
import os
import secrets
import tomllib
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from api.collector.signatures import key_of
from models.collecting.paths import compiled
from schemas.errors import ConfigError

LOOKED_AFTER_S = 1.0
"""How often the file is looked at: a key that is taken out stops within that."""
LONGEST_KEY = 512
SHORTEST_SECRET = 16

Tenant = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^|\s]+$")]


class WebhookSettings(BaseModel):
    """Who signs the requests of a webhook's key, how, and what its fields mean."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["sendgrid", "mailgun", "hmac"]
    secret: SecretStr = Field(description="SendGrid: the public key; Mailgun: the signing key; else the shared secret")
    window_s: int = Field(
        default=900, ge=1, le=86_400, description="an older or later stamp is a replay; events are told apart for a day, so no longer"
    )
    signature_header: str = Field(default="x-signature", pattern=r"^[a-z0-9-]+$")
    signature_prefix: str = Field(default="", description="before the signature, as in sha256=")
    encoding: Literal["hex", "base64"] = "hex"
    timestamp_header: str = Field(default="x-timestamp", pattern=r"^[a-z0-9-]+$", description="seconds since 1970; signed as `timestamp.body`")
    each: str = Field(default="$", description="JSONPath of the events in the body")
    fields: dict[str, str] = Field(default={}, description="field of an event → JSONPath in it, or a text after `=`")

    @model_validator(mode="after")
    def _is_usable(self) -> "WebhookSettings":
        # a mistake is told when the file is read, not when the first request comes
        try:
            if self.kind == "sendgrid":
                key_of(self.secret.get_secret_value())
            for path in (self.each, *(path for path in self.fields.values() if not path.startswith("="))):
                compiled(path)
        except ConfigError as exc:
            raise ValueError(str(exc)) from exc
        if len(self.secret.get_secret_value()) < SHORTEST_SECRET:
            raise ValueError(f"the secret is shorter than {SHORTEST_SECRET} characters")
        return self


class WriteKey(BaseModel):
    """One key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    tenant: Tenant
    source: str = Field(min_length=1, max_length=200)
    events_per_s: float = Field(default=1_000.0, gt=0, description="on average")
    burst: int = Field(default=20_000, ge=1, description="events at once, after a pause")
    max_event_bytes: int = Field(default=32_768, ge=256)
    max_request_bytes: int = Field(default=4_194_304, ge=1_024, description="after inflating")
    max_batch_events: int = Field(default=2_500, ge=1)
    keep_ip: bool = Field(default=False, description="whole addresses; needs a purpose that the tenant states")
    hosts: tuple[str, ...] = Field(default=(), description="Snowplow: requests to these host names are this key's")
    app_ids: tuple[str, ...] = Field(default=(), description="Snowplow: and those of these application ids")
    webhook: WebhookSettings | None = None


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    keys: tuple[WriteKey, ...] = ()

    @model_validator(mode="after")
    def _is_clear(self) -> "_File":
        for what, names in (
            ("key", [key.sha256 for key in self.keys]),
            ("host", [host.lower() for key in self.keys for host in key.hosts]),
            ("application id", [app_id for key in self.keys for app_id in key.app_ids]),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{what} {', '.join(twice)} stands for two keys")
        return self


class KeyStore:
    """The keys of a file, as they are now.

    Parameters
    ----------
    path
        TOML, a `[[keys]]` table for each.
    clock
        Seconds that only grow.

    Raises
    ------
    ConfigError
        The file is missing or wrong.
    """

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path = path
        self._clock = clock
        self._looked_at = clock()
        self._mark = _mark(path)
        self._keep(read_keys(path))

    def by_key(self, key: str) -> WriteKey | None:
        """What a key stands for; None if it is nobody's."""
        self._look()
        if len(key) > LONGEST_KEY:
            return None
        return self._by_hash.get(hashed(key))

    def by_host(self, host: str) -> WriteKey | None:
        """Whose host this is."""
        self._look()
        return self._by_host.get(host.lower()) if self._by_host else None

    def by_app_id(self, app_id: str) -> WriteKey | None:
        """Whose application this is."""
        self._look()
        return self._by_app_id.get(app_id)

    def _look(self) -> None:
        now = self._clock()
        if now - self._looked_at < LOOKED_AFTER_S:
            return
        self._looked_at = now
        mark = _mark(self._path)
        if mark != self._mark and mark is not None:
            self._mark = mark
            try:
                self._keep(read_keys(self._path))
            except ConfigError:
                return  # half a file, or a wrong one: those that were there go on

    def _keep(self, keys: tuple[WriteKey, ...]) -> None:
        self._by_hash = {key.sha256: key for key in keys}
        self._by_host = {host.lower(): key for key in keys for host in key.hosts}
        self._by_app_id = {app_id: key for key in keys for app_id in key.app_ids}


@lru_cache(maxsize=1_024)
def hashed(key: str) -> str:
    """What of a key is kept. Keys are 256 random bits, so a fast hash is as good as a slow one."""
    return sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def read_keys(path: Path) -> tuple[WriteKey, ...]:
    """The keys of a file.

    Raises
    ------
    ConfigError
        It is missing or wrong; names the problem, never a secret.
    """
    try:
        return _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).keys
    except ValidationError as exc:
        problems = "; ".join(f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}" for error in exc.errors())
        raise ConfigError(f"the write keys in {path}: {problems}") from exc
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"the write keys in {path} cannot be read: {exc}; `python -m api.collector new-key` makes the file") from exc


def add_key(path: Path, tenant: str, source: str, *, hosts: tuple[str, ...] = (), app_ids: tuple[str, ...] = ()) -> str:
    """Make a key and add it to the file, which only its owner may read.

    Returns
    -------
    The key itself: nobody can show it again.

    Raises
    ------
    ConfigError
        The tenant's name is none, a host is taken, or the file is wrong.
    """
    key = secrets.token_urlsafe(32)
    there = path.read_text(encoding="utf-8") if path.exists() else ""
    lines = ["[[keys]]", f'sha256 = "{hashed(key)}"', f"tenant = {json.dumps(tenant)}", f"source = {json.dumps(source)}"]
    lines += [f"{name} = {json.dumps(list(values))}" for name, values in (("hosts", hosts), ("app_ids", app_ids)) if values]
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.parent.mkdir(parents=True, exist_ok=True)
    try:
        partial.touch(mode=0o600)
        partial.write_text(there + ("\n" if there else "") + "\n".join(lines) + "\n", encoding="utf-8")
        read_keys(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return key


def _mark(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
