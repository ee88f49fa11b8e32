"""Segment's Python SDK: `segment_driver.py URL KEY COUNT`."""

import sys

from segment.analytics.client import Client

url, key, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
failed: list[object] = []
client = Client(key, host=url, on_error=lambda error, items: failed.append((type(error).__name__, len(items))), upload_size=20, timeout=10)
for n in range(count):
    client.track(f"user-{n % 7}", "Lead Scored", {"n": n})
client.flush()
client.join()
print(f"failed: {failed}" if failed else "sent")  # noqa: T201 - a driver says how it went
