"""The collector in tests: over a producer that acknowledges at once, or as a process of its own over real servers."""

import asyncio
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson

from api.collector.app import Collector, Parts
from api.collector.hubspot import Portal
from api.collector.keys import KeyStore, add_key, hashed
from connectors.kafka.acknowledging import Outgoing
from connectors.kafka.config import KafkaConfig
from connectors.kafka.consumer import read_values
from connectors.kafka.registry import Registry
from infra.stack import ports, process
from models.collecting.arrival import Arrival, Parsed
from models.collecting.requests import events_of
from models.enrichment import check_event
from schemas.codec import Codec, Schema
from schemas.crm_change import CrmChange
from schemas.dead_letter import DeadLetter
from schemas.errors import RetriableError
from schemas.event import Event
from schemas.ids import Millis, lead_key
from schemas.pseudonym import EMAIL
from schemas.sent_request import SentRequest
from schemas.topics import Topic
from tests.builders import IDS, MONDAY, TENANT
from tests.e2e.waiting import until

KEY = "a-write-key"
SECRET = b"0123456789abcdef0123456789abcdef"
TOPICS = {
    Topic.REQUESTS_RECEIVED: "requests",
    Topic.EVENTS_RECEIVED: "received",
    Topic.CHANGES_NOTICED: "noticed",
    Topic.RECORDS_DEAD: "dead",
}


def an_arrival(**fields: Any) -> Arrival:
    """A request of acme's web site, on Monday."""
    given: dict[str, Any] = {"tenant": TENANT, "source": "website", "received_at": MONDAY, "pseudonym_key": SECRET, "request_id": "a-request"}
    return Arrival(**(given | fields))


def never(schema_id: int) -> Schema:
    """Our own schemas need no registry."""
    raise AssertionError(schema_id)


CODEC = Codec(IDS, never)


def texts_of(value: Any) -> Iterator[str]:
    """Every text in a value, names too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from texts_of(inner)


def check(found: Parsed) -> None:
    """Every event can be written and read, means something to the next job, and hides who it is about."""
    for event in found.events:
        assert event == CODEC.decode(CODEC.encode(event))
        check_event(event, lead_key(event.tenant, event.lead).encode(), now=MONDAY)
        rest = event._replace(person=None)
        assert not any(EMAIL.search(text) for text in texts_of(rest._asdict()))
    for bad in found.bad:
        assert bad.message
        orjson.loads(bad.value)


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
        self.portals: dict[int, Portal] = {}
        self._codec = CODEC
        self.file = folder / "keys.toml"
        self.file.write_text(keys or key_table(), encoding="utf-8")
        self.app = Collector(self._parts)

    def _parts(self) -> Parts:
        return Parts(KeyStore(self.file, lambda: 0.0), self.producer, self._codec, TOPICS, lambda: self.now, SECRET, "0.1.0", portals=self.portals)

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
    def changes(self) -> list[CrmChange]:
        """Changes of CRMs sent so far."""
        return [self._codec.decode_as(CrmChange, record.value) for record in self.producer.sent if record.name == "noticed"]

    @property
    def requests(self) -> list[SentRequest]:
        """Requests sent whole so far."""
        return [self._codec.decode_as(SentRequest, record.value) for record in self.producer.sent if record.name == "requests"]

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


KEYS_OF_A_RUN = 24


def until_answers(url: str, identity: process.Identity, log: Path) -> None:
    """Return when a server answers; fail with the end of its log when it ends before."""

    def is_up() -> bool:
        assert identity.is_running, log.read_text(encoding="utf-8")[-2_000:]
        try:
            return httpx.get(url, timeout=1.0).is_success
        except httpx.HTTPError:
            return False

    until(is_up, f"{url} answers", within_s=60)


class Station:
    """A collector as a process, over real servers; each test takes a key, with a tenant of its own, from those that were made at its start."""

    def __init__(self, folder: Path, kafka: KafkaConfig, *, more: str = "", **variables: str) -> None:
        self.kafka = kafka
        self.port = ports.free_port()
        self.url = f"http://{ports.LOOPBACK}:{self.port}"
        self._log = folder / "collector.log"
        file = folder / "keys.toml"
        self._keys = [(f"tenant-{n}", add_key(file, f"tenant-{n}", "tests", app_ids=(f"app-{n}",))) for n in range(KEYS_OF_A_RUN)]
        if more:
            file.write_text(file.read_text(encoding="utf-8").replace("[[keys]]\n", f"[[keys]]\n{more}"), encoding="utf-8")
        self._env = {
            "PROX_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "PROX_KAFKA__REGISTRY_URL": kafka.registry_url,
            "PROX_KAFKA__TOPIC_PREFIX": kafka.topic_prefix,
            "PROX_COLLECTOR__KEYS_FILE": str(file),
            "PROX_COLLECTOR__PORT": str(self.port),
            "PROX_PSEUDONYM_KEY": SECRET.decode(),
            "PROX_RUN_DIR": str(folder),
            **variables,
        }
        self.start()

    def start(self) -> None:
        """Start it, and return when it answers."""
        self.identity = process.spawn([sys.executable, "-m", "api.collector", "serve"], log=self._log, env=self._env)
        until_answers(f"{self.url}/health", self.identity, self._log)

    def stop(self) -> None:
        """Stop it by pid, as its operator would."""
        self.identity.stop(30.0)

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self.identity.kill()

    def take_key(self) -> tuple[str, str]:
        """A tenant that no other test has, and its key; `app-N` of `tenant-N` is its application."""
        return self._keys.pop(0)

    def events(self, tenant: str) -> list[Event]:
        """What Kafka holds of a tenant, repeats and all; requests that are there whole are read as `map_requests` reads them."""
        codec = Registry(self.kafka).codec()
        found = []
        for value in (*read_values(self.kafka, codec, Topic.REQUESTS_RECEIVED), *read_values(self.kafka, codec, Topic.EVENTS_RECEIVED)):
            if isinstance(value, SentRequest) and value.tenant == tenant:
                found += events_of(value, SECRET).events
            elif isinstance(value, Event) and value.tenant == tenant:
                found.append(value)
        return found
