"""CloudEvents' Python SDK: `cloudevents_driver.py URL KEY COUNT`; a third in each mode, sent again as the standard says."""

import json
import sys

import httpx
import stamina
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

url, key, count = sys.argv[1], sys.argv[2], int(sys.argv[3])


def an_event(n: int) -> CloudEvent:
    attributes = {"id": f"ce-{n}", "source": "/tests/prox", "type": "example.lead.scored", "specversion": "1.0", "subject": f"user-{n % 7}"}
    return CloudEvent(attributes, {"n": n})


@stamina.retry(on=httpx.HTTPError, attempts=20, wait_initial=0.2, wait_max=2.0)
def send(headers: dict[str, str], body: bytes) -> None:
    answer = client.post(f"{url}/v1/cloudevents", headers=headers, content=body, auth=(key, ""))
    answer.raise_for_status()


with httpx.Client(timeout=10) as client:
    for n in range(count - count // 3):
        message = (to_binary_event if n % 2 else to_structured_event)(an_event(n))
        body = message.body if isinstance(message.body, bytes) else str(message.body).encode()
        send(dict(message.headers), body)
    batch = [json.loads(to_structured_event(an_event(n)).body) for n in range(count - count // 3, count)]
    send({"content-type": "application/cloudevents-batch+json"}, json.dumps(batch).encode())
print("sent")  # noqa: T201 - a driver says how it went
