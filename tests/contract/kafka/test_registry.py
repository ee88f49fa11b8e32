import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from connectors.kafka.config import KafkaConfig
from connectors.kafka.registry import Registry
from schemas.codec import schema_of
from schemas.errors import ConfigError, PoisonRecordError, ProxError, RetriableError
from schemas.outcome import Outcome
from schemas.topics import Topic
from tests.builders import won

CONFIG = KafkaConfig(registry_url="http://registry/apis", topic_prefix="t.")
Answer = Callable[[httpx.Request], httpx.Response]


class Server:
    """A registry that keeps what it is given, as the published API says; it can be switched off."""

    def __init__(self) -> None:
        self.ids: dict[str, int] = {}
        self.requests: list[str] = []
        self.is_away = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/apis")
        self.requests.append(f"{request.method} {path}")
        if self.is_away:
            raise httpx.ConnectError("refused")
        if path == "/config":
            return httpx.Response(200, json=json.loads(request.content))
        if path.startswith("/schemas/ids/"):
            found = [text for text, schema_id in self.ids.items() if schema_id == int(path.rpartition("/")[2])]
            return httpx.Response(200, json={"schema": found[0]}) if found else httpx.Response(404, json={"error_code": 40403})
        text = json.loads(request.content)["schema"]
        if path.endswith("/versions"):
            return httpx.Response(200, json={"id": self.ids.setdefault(text, len(self.ids) + 1)})
        return httpx.Response(200, json={"id": self.ids[text]}) if text in self.ids else httpx.Response(404, json={"error_code": 40403})


def registry(answer: Answer, cache_dir: Path | None = None) -> Registry:
    return Registry(CONFIG, transport=httpx.MockTransport(answer), cache_dir=cache_dir)


def test_every_topic_is_registered_under_its_own_name():
    """Compatibility is set first, then each topic's schema under `<topic>-value`."""
    server = Server()
    registry(server).register_all()
    expected = ["PUT /config", *(f"POST /subjects/t.{topic.value}-value/versions" for topic in Topic)]

    assert expected == server.requests


def test_registering_again_changes_nothing():
    """A second deployment of the same release has the same ids."""
    server = Server()

    assert registry(server).register_all() == registry(server).register_all()


def test_ids_are_looked_up_once():
    """A job asks when it starts, not for each record."""
    server = Server()
    registry(server).register_all()
    asked = registry(server)
    before = len(server.requests)
    asked.ids()
    asked.ids()

    assert len(Topic) == len(server.requests) - before


def test_an_incompatible_schema_stops_the_start():
    """The error names the subject and the registry's reasons."""

    def refuse(request: httpx.Request) -> httpx.Response:
        if "compatibility/" in request.url.path:
            return httpx.Response(200, json={"is_compatible": False, "messages": ["currency has no default"]})
        return httpx.Response(200, json={}) if request.method == "PUT" else httpx.Response(409, json={"message": "incompatible"})

    with pytest.raises(ConfigError, match=r"t\.prox\.\w+\.\w+\.v1-value.*currency has no default"):
        registry(refuse).register_all()


def test_a_schema_that_is_not_registered_stops_the_start():
    """A job does not invent ids: it says what to do."""
    with pytest.raises(ConfigError, match="not registered"):
        registry(Server()).ids()


def test_an_unknown_id_is_the_records_fault():
    """The record is dead-lettered."""
    with pytest.raises(PoisonRecordError) as caught:
        registry(Server()).schema(99)

    assert "unknown_schema" == caught.value.reason


@pytest.mark.parametrize("text", ["{", '"string"', "[]"])
def test_a_schema_that_is_no_record_is_the_records_fault(text: str):
    """Whatever else is registered, a record by it cannot be read."""
    with pytest.raises(PoisonRecordError):
        registry(lambda _: httpx.Response(200, json={"schema": text})).schema(1)


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_registry_in_trouble_is_asked_again(status: int):
    """A server error is nobody's fault: the record waits."""
    with pytest.raises(RetriableError):
        registry(lambda _: httpx.Response(status)).schema(1)


def test_a_job_starts_while_the_registry_is_away(tmp_path: Path):
    """Ids and schemas that were met before are on disk."""
    server = Server()
    first = registry(server, tmp_path)
    first.register_all()
    outcomes = first.ids()[Topic.OUTCOMES_RECEIVED]
    first.schema(outcomes)
    data = first.codec().encode(won())
    server.is_away = True
    second = registry(server, tmp_path)

    assert (won(), schema_of(Outcome)) == (second.codec().decode(data), second.schema(outcomes))


def test_without_anything_on_disk_the_start_waits(tmp_path: Path):
    """A first start needs the registry, and says that it may be tried again."""
    server = Server()
    server.is_away = True

    with pytest.raises(RetriableError):
        registry(server, tmp_path).codec()


def test_ids_of_another_registry_are_not_taken(tmp_path: Path):
    """The disk remembers whose ids they are."""
    server = Server()
    registry(server, tmp_path).register_all()
    server.is_away = True
    other = Registry(CONFIG.model_copy(update={"registry_url": "http://elsewhere/apis"}), transport=httpx.MockTransport(server), cache_dir=tmp_path)

    with pytest.raises(RetriableError):
        other.ids()


def test_a_damaged_file_is_no_harm(tmp_path: Path):
    """Half a file on disk is asked for again."""
    server = Server()
    first = registry(server, tmp_path)
    first.register_all()
    for path in tmp_path.rglob("*.json"):
        path.write_text("{")

    assert first.ids() == registry(server, tmp_path).ids()


def subclasses(kind: type[BaseException]) -> set[type[BaseException]]:
    return {kind} | {deeper for child in kind.__subclasses__() for deeper in subclasses(child)}


@pytest.mark.parametrize("error", sorted(subclasses(httpx.TransportError), key=lambda kind: kind.__name__), ids=lambda kind: kind.__name__)
def test_no_error_of_the_http_library_leaks(error: type[httpx.TransportError]):
    """Whatever goes wrong on the way, it is one of our errors, and may be tried again."""

    def fail(_: httpx.Request) -> httpx.Response:
        raise error("broken")

    with pytest.raises(ProxError) as caught:
        registry(fail).schema(1)

    assert RetriableError is type(caught.value)


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b"{}"])
def test_an_answer_that_is_no_registrys_is_told(content: bytes):
    """A wrong address stops the start in words."""
    with pytest.raises(ConfigError, match="registering"):
        registry(lambda request: httpx.Response(200, content=content if request.method == "POST" else b"{}")).register_all()
