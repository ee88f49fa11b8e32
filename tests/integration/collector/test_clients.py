import http.server
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.event import Event
from tests import sdks
from tests.collector import Station
from tests.e2e.waiting import until
from tests.faults import Faults

COUNT = 90
"""Events of a test: enough for several batches of each client."""
ENDED_WITHIN_S = 120.0

Start = Callable[[str, str], "subprocess.Popen[str]"]


def a_python(sdk: str | None, driver: str) -> Start:
    return lambda url, key: sdks.start_python(sdk, driver, url, key, str(COUNT))


def a_node(driver: str) -> Start:
    return lambda url, key: sdks.start_node(driver, url, key, str(COUNT))


CLIENTS = {
    "segment-analytics-python 2.3.4": a_python("segment-2.3.4", "segment_driver.py"),
    "segment-analytics-python 2.4.0": a_python("segment-2.4.0", "segment_driver.py"),
    "rudder-sdk-python": a_python("rudder", "rudder_driver.py"),
    "snowplow-tracker": a_python("snowplow", "snowplow_driver.py"),
    "cloudevents": a_python(None, "cloudevents_driver.py"),
    "@segment/analytics-node": a_node("segment_driver.js"),
    "@rudderstack/rudder-sdk-node": a_node("rudder_driver.js"),
}
FAULTS = ("429", "503", "reset", "lost", "ok", "429", "lost", "503")
SPACED = ("429", "ok", "503", "ok", "reset", "ok", "lost", "ok")
"""For the client that gives up after three tries of its own, for good: that is its setting, not the collector's to mend."""


def deduplicated(events: list[Event]) -> dict[str, Event]:
    """As `enrich_events` does it: by event id within a tenant."""
    return {event.event_id: event for event in events}


@pytest.mark.parametrize("client", CLIENTS)
def test_every_event_is_in_kafka_once_whatever_fails(station: Station, client: str):
    """Throttled, refused, cut off, and its answers lost: the client sends again, and after deduplication nothing is lost or doubled."""
    tenant, key = station.take_key()
    name = tenant.replace("tenant", "app") if client == "snowplow-tracker" else key
    with Faults(station.port, SPACED if client == "@rudderstack/rudder-sdk-node" else FAULTS) as proxy:
        running = CLIENTS[client](proxy.url, name)
        said, _ = running.communicate(timeout=ENDED_WITHIN_S)
        injected = set(proxy.injected)
    found = deduplicated(station.events(tenant))

    assert "sent" == said.strip().splitlines()[-1]
    assert {"429", "503", "reset", "lost"} == injected
    assert list(range(COUNT)) == sorted(int(event.properties["n"]) for event in found.values())


def test_a_client_gives_up_at_once_on_a_key_that_is_wrong(station: Station):
    """401 is one attempt: not retried for hours."""
    with Faults(station.port, ()) as proxy:
        running = sdks.start_python("segment-2.3.4", "segment_driver.py", proxy.url, "wrong", "10")
        said, _ = running.communicate(timeout=ENDED_WITHIN_S)

    assert "failed: [('APIError', 10)]" == said.strip().splitlines()[-1]


class Site(http.server.SimpleHTTPRequestHandler):
    """A web site with the SDK on its page; the page tells it how it went."""

    told: list[str]

    def do_POST(self) -> None:
        self.told.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Quiet."""


def test_the_browsers_sdk_delivers_from_a_page(station: Station, tmp_path: Path):
    """analytics-next in Chromium, on another origin: preflight, settings, then every event."""
    browser = sdks.chromium()
    modules = sdks.node_sdks() / "node_modules/@segment/analytics-next/dist/umd"
    site = tmp_path / "site"
    site.mkdir()
    for file in (*modules.glob("*.js"), sdks.CLIENTS / "node/page.html"):
        (site / file.name).write_bytes(file.read_bytes())
    tenant, key = station.take_key()
    handler = type("OneSite", (Site,), {"told": []})
    with (
        Faults(station.port, ("429", "503", "reset", "lost")) as proxy,
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), lambda *args: handler(*args, directory=str(site))) as server,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = f"http://127.0.0.1:{server.server_port}/page.html?key={key}&count=12&collector={proxy.url}"
        running = subprocess.Popen(
            [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={tmp_path / 'profile'}", page],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            until(lambda: len(deduplicated(station.events(tenant))) == 12, "the page's events are in Kafka", within_s=90)
        finally:
            running.kill()
            running.wait()
            server.shutdown()
        injected = set(proxy.injected)
    found = deduplicated(station.events(tenant)).values()

    assert ["queued"] == handler.told
    assert {"429", "503", "reset", "lost"} == injected
    assert list(range(12)) == sorted(int(event.properties["n"]) for event in found)
    assert {("web", True)} == {(event.channel, event.anonymous_id is not None) for event in found}
