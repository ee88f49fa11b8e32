"""`python -m tests.bench.floor PORT`: the same server reads the body, decodes its JSON and answers 200: what a collector is measured against."""

import sys
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import uvicorn

from api.collector.answers import ACCEPTED

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def floor(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Serve a request."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    message = await receive()
    parts = [message.get("body", b"")]
    while message.get("more_body"):
        message = await receive()
        parts.append(message.get("body", b""))
    if scope["method"] == "POST":
        orjson.loads(b"".join(parts))
    await send({"type": "http.response.start", "status": 200, "headers": [*ACCEPTED.headers]})
    await send({"type": "http.response.body", "body": ACCEPTED.body})


if __name__ == "__main__":
    uvicorn.run(floor, host="127.0.0.1", port=int(sys.argv[1]), access_log=False, log_config=None, server_header=False, date_header=False)
