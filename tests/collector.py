"""The collector in tests: over a producer that acknowledges at once, or as a process of its own over real servers."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx

from api.collector.app import Collector, Parts
from api.collector.arrival import Arrival
from api.collector.keys import KeyStore, hashed
from connectors.kafka.acknowledging import Outgoing
from schemas.codec import Codec, Schema
from schemas.dead_letter import DeadLetter
from schemas.errors import RetriableError
from schemas.event import Event
from schemas.ids import Millis
from schemas.topics import Topic
from tests.builders import IDS, MONDAY, TENANT

KEY = "a-write-key"
SECRET = b"0123456789abcdef0123456789abcdef"
TOPICS = {Topic.EVENTS_RECEIVED: "received", Topic.RECORDS_DEAD: "dead"}


def an_arrival(**fields: Any) -> Arrival:
    """A request of acme's web site, on Monday."""
    given: dict[str, Any] = {"tenant": TENANT, "source": "website", "received_at": MONDAY, "pseudonym_key": SECRET, "new_id": lambda: "new"}
    return Arrival(**(given | fields))


def never(schema_id: int) -> Schema:
    """Our own schemas need no registry."""
    raise AssertionError(schema_id)


class FakeProducer:
    """Keeps what is sent. `error` is raised instead of an acknowledgement, `refuses` before anything is sent."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []
        self.error: Exception | None = None
        self.refuses: str | None = None

    @property
    def records(self) -> int:
        return 0

    def refusal(self) -> str | None:
        return self.refuses

    def send(self, records: Iterable[Outgoing]) -> "asyncio.Future[None]":
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.error is not None:
            future.set_exception(self.error)
        else:
            self.sent += records
            future.set_result(None)
        return future

    async def close(self) -> None:
        """Nothing is under way."""


class Desk:
    """A collector in this process, its keys, and what it has sent."""

    def __init__(self, folder: Path, keys: str = "") -> None:
        self.producer = FakeProducer()
        self.now = MONDAY
        self._codec = Codec(IDS, never)
        self.file = folder / "keys.toml"
        self.file.write_text(keys or key_table(), encoding="utf-8")
        self.app = Collector(self._parts)

    def _parts(self) -> Parts:
        return Parts(KeyStore(self.file, lambda: 0.0), self.producer, self._codec, TOPICS, lambda: self.now, SECRET, "0.1.0")

    def request(self, method: str, url: str, **options: Any) -> httpx.Response:
        """Ask over ASGI."""

        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://collect.acme.example") as client:
                return await client.request(method, url, **options)

        return asyncio.run(asked())

    def post(self, url: str, body: Any = None, *, key: str | None = KEY, **options: Any) -> httpx.Response:
        """Post JSON, or bytes as they are, with a key."""
        auth = (key, "") if key else None
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        return self.request("POST", url, auth=auth, **content, **options)

    @property
    def events(self) -> list[Event]:
        """Events sent so far."""
        return [self._codec.decode_as(Event, record.value) for record in self.producer.sent if record.name == "received"]

    @property
    def dead(self) -> list[DeadLetter]:
        """Dead letters sent so far."""
        return [self._codec.decode_as(DeadLetter, record.value) for record in self.producer.sent if record.name == "dead"]


def key_table(key: str = KEY, more: str = "") -> str:
    """A key's table in the file of keys."""
    return f'[[keys]]\nsha256 = "{hashed(key)}"\ntenant = "{TENANT}"\nsource = "website"\n{more}\n'


def away() -> RetriableError:
    """Kafka gave up."""
    return RetriableError("not acknowledged")


def millis(at: int) -> Millis:
    """An instant."""
    return Millis(at)
