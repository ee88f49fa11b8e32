"""Schemas in the registry (Confluent's API), kept on disk so that a job starts while the registry is away."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from connectors.kafka.admin import topic_name
from connectors.kafka.config import KafkaConfig
from connectors.kafka.schema_files import SchemaFiles
from schemas.codec import Codec, Schema, schema_of
from schemas.errors import ConfigError, PoisonRecordError, RetriableError
from schemas.topics import VALUE_TYPES, Topic

CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"
COMPATIBILITY = "BACKWARD"
TIMEOUT_S = 10.0
CONFLICT = 409
NOT_FOUND = 404


class Registry:
    """The registry of this deployment's schemas.

    Parameters
    ----------
    config
        Where the registry is.
    transport
        All requests pass here; None is the network.
    cache_dir
        Folder for schemas that were found; None keeps them in memory only.
    """

    def __init__(self, config: KafkaConfig, *, transport: httpx.BaseTransport | None = None, cache_dir: Path | None = None) -> None:
        self._config = config
        self._client = httpx.Client(
            base_url=config.registry_url,
            transport=transport,
            timeout=TIMEOUT_S,
            headers={"Content-Type": CONTENT_TYPE},
            # asked a few times in a job's life: a connection kept open would only go stale, and somebody would have to close it
            limits=httpx.Limits(max_keepalive_connections=0),
        )
        self._files = SchemaFiles(cache_dir, config.registry_url) if cache_dir else None
        self._schemas: dict[int, Schema] = {}
        self._ids: dict[Topic, int] = {}

    def register_all(self) -> dict[Topic, int]:
        """Register the schema of every topic; those registered already keep their ids.

        Returns
        -------
        Topic → id of our own schema.

        Raises
        ------
        ConfigError
            A schema cannot read what its predecessor wrote: names the subject and the registry's reasons.
        RetriableError
            The registry is away.
        """
        _expect_ok(self._send("PUT", "/config", {"compatibility": COMPATIBILITY}), "setting the compatibility")
        return self._remember({topic: self.register(topic, schema_of(VALUE_TYPES[topic])) for topic in Topic})

    def register(self, topic: Topic, schema: Schema) -> int:
        """Register one schema for a topic's values, and return its id.

        Raises
        ------
        ConfigError
            It cannot read what was written before.
        RetriableError
            The registry is away.
        """
        subject = self.subject(topic)
        response = self._send("POST", f"/subjects/{subject}/versions", _body(schema))
        if response.status_code == CONFLICT:
            raise ConfigError(f"subject {subject}: the schema is not {COMPATIBILITY} compatible: {self._reasons(subject, schema, response)}")
        return _id_in(response, f"registering {subject}")

    def subject(self, topic: Topic) -> str:
        """The name under which a topic's value schemas are registered."""
        return f"{topic_name(self._config, topic)}-value"

    def ids(self) -> dict[Topic, int]:
        """Topic → id of our own schema, as registered; from disk while the registry is away.

        Raises
        ------
        ConfigError
            A schema is not registered.
        RetriableError
            The registry is away and nothing is on disk.
        """
        if self._ids:
            return dict(self._ids)
        try:
            return self._remember({topic: self._id_of(topic) for topic in Topic})
        except RetriableError:
            cached = self._files.ids(self._subjects()) if self._files else None
            if cached is None:
                raise
            return cached

    def schema(self, schema_id: int) -> Schema:
        """The schema that has this id.

        Raises
        ------
        PoisonRecordError
            There is none (reason `unknown_schema`).
        RetriableError
            The registry is away and the schema was not met before.
        """
        known = self._schemas.get(schema_id) or (self._files.schema(schema_id) if self._files else None)
        if known is None:
            known = self._fetch(schema_id)
            if self._files:
                self._files.keep_schema(schema_id, known)
        self._schemas[schema_id] = known
        return known

    def codec(self) -> Codec:
        """A codec that writes with our own schemas and looks other ones up here.

        Raises
        ------
        ConfigError, RetriableError
            As `ids`.
        """
        return Codec(self.ids(), self.schema)

    def _id_of(self, topic: Topic) -> int:
        subject = self.subject(topic)
        response = self._send("POST", f"/subjects/{subject}", _body(schema_of(VALUE_TYPES[topic])))
        if response.status_code == NOT_FOUND:
            raise ConfigError(f"subject {subject}: this release's schema is not registered; register it first (`python -m infra up` does)")
        return _id_in(response, f"looking {subject} up")

    def _fetch(self, schema_id: int) -> Schema:
        response = self._send("GET", f"/schemas/ids/{schema_id}")
        if response.status_code == NOT_FOUND:
            raise PoisonRecordError(f"no schema has the id {schema_id}", reason="unknown_schema")
        text = _expect_ok(response, f"reading schema {schema_id}").get("schema", "")
        try:
            schema = json.loads(text)
        except ValueError as exc:
            raise PoisonRecordError(f"schema {schema_id} is no Avro schema", reason="unknown_schema") from exc
        if not isinstance(schema, dict):
            raise PoisonRecordError(f"schema {schema_id} is no record", reason="unknown_schema")
        return schema

    def _remember(self, ids: dict[Topic, int]) -> dict[Topic, int]:
        self._ids = ids
        if self._files:
            self._files.keep_ids(self._subjects(), ids)
        return dict(ids)

    def _subjects(self) -> dict[Topic, str]:
        return {topic: self.subject(topic) for topic in Topic}

    def _reasons(self, subject: str, schema: Schema, refusal: httpx.Response) -> str:
        verdict = self._send("POST", f"/compatibility/subjects/{subject}/versions/latest?verbose=true", _body(schema))
        messages = verdict.json().get("messages") if verdict.is_success else None
        return "; ".join(messages) if messages else refusal.text[:2_000]

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        try:
            response = self._client.request(method, path, json=body)
        except httpx.HTTPError as exc:
            raise RetriableError(f"the schema registry at {self._config.registry_url} does not answer: {type(exc).__name__} {exc}") from exc
        if response.is_server_error:
            raise RetriableError(f"the schema registry at {self._config.registry_url} answered {response.status_code} to {method} {path}")
        return response


def _body(schema: Schema) -> dict[str, str]:
    return {"schema": json.dumps(schema, separators=(",", ":"))}


def _id_in(response: httpx.Response, doing: str) -> int:
    schema_id = _expect_ok(response, doing).get("id")
    if not isinstance(schema_id, int):
        raise ConfigError(f"{doing}: the schema registry answered without an id: is this the address of its Confluent API?")
    return schema_id


def _expect_ok(response: httpx.Response, doing: str) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not response.is_success or not isinstance(answer, dict):
        raise ConfigError(f"{doing}: the schema registry answered {response.status_code} {response.text[:500]}")
    return answer
