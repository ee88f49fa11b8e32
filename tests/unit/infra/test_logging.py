"""Logs are JSON lines with keys of one list."""

import io
import json
import logging
from collections.abc import Iterator

import httpx
import pytest
import structlog

from infra.logging import Key, LogEvent, configure, get_logger


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    configure(stream=stream)
    yield stream
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_a_line_is_json(out: io.StringIO) -> None:
    """A program can read every line: its event, level, time and bound keys."""
    get_logger(**{Key.JOB: "score_leads"}).info(LogEvent.SCORE_PUBLISHED, count=3)

    line = json.loads(out.getvalue())
    assert {"event": "score.published", "level": "info", "job": "score_leads", "count": 3} == {k: v for k, v in line.items() if k != "timestamp"}
    assert line["timestamp"].endswith("Z")


def test_an_unknown_key_does_not_come_out(out: io.StringIO) -> None:
    """A value under a key that is not in the list may name a person: only the key is told."""
    get_logger().warning(LogEvent.PUSH_RETRIED, email="ada@example.org")

    assert ["email"] == json.loads(out.getvalue())["dropped_keys"]
    assert "ada@" not in out.getvalue()


def test_a_library_s_lines_come_out_the_same_way(out: io.StringIO) -> None:
    """What is logged by the standard library's logging is JSON too."""
    logging.getLogger("uvicorn").error("cannot bind")

    assert "cannot bind" == json.loads(out.getvalue())["event"]


def test_an_exception_is_one_line(out: io.StringIO) -> None:
    """A traceback does not break the line."""
    try:
        raise ValueError("lost")
    except ValueError:
        get_logger().exception(LogEvent.REQUEST_FAILED)

    assert 1 == len(out.getvalue().splitlines())
    assert "ValueError: lost" in json.loads(out.getvalue())["exception"]


def test_below_the_level_nothing_is_written(out: io.StringIO) -> None:
    """Debug is off unless asked for."""
    get_logger().debug(LogEvent.JOB_STARTED)

    assert out.getvalue() == ""


def test_no_address_of_a_request_is_logged(out: io.StringIO) -> None:
    """A webhook's address is a secret of its tenant's; httpx tells every one."""
    transport = httpx.MockTransport(lambda _: httpx.Response(204))
    with httpx.Client(transport=transport) as client:
        client.post("https://hooks.example/secret-path")

    assert "" == out.getvalue()
