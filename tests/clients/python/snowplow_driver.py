"""Snowplow's Python tracker: `snowplow_driver.py URL AID COUNT`, its events named by the application id."""

import sys
import threading
from urllib.parse import urlsplit

from snowplow_tracker import AsyncEmitter, SelfDescribing, SelfDescribingJson, Subject, Tracker

url, app_id, count = urlsplit(sys.argv[1]), sys.argv[2], int(sys.argv[3])
left = threading.Semaphore(0)
emitter = AsyncEmitter(
    str(url.hostname), protocol="http", port=url.port, batch_size=20, max_retry_delay_seconds=2, on_success=lambda sent: left.release(len(sent))
)
subject = Subject()
subject.set_user_id("user-1")
tracker = Tracker("prox", emitter, subject=subject, app_id=app_id)
for n in range(count):
    tracker.track(SelfDescribing(event_json=SelfDescribingJson("iglu:example.prox/lead_scored/jsonschema/1-0-0", {"n": n})))
tracker.flush()
sent = sum(left.acquire(timeout=60) for _ in range(count))
print("sent" if sent == count else f"failed: {count - sent}")  # noqa: T201 - a driver says how it went
