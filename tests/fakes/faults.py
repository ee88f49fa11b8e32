"""Faults that a test switches on: the next requests one by one, or a share of all of them."""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse


class Fault(StrEnum):
    """What may go wrong with a whole request."""

    THROTTLED = "throttled"
    THROTTLED_MUTE = "throttled_mute"
    QUOTA_SPENT = "quota_spent"
    SERVER_ERROR = "server_error"
    UNAVAILABLE = "unavailable"
    RESET_BEFORE = "reset_before"
    RESET_AFTER = "reset_after"
    EXPIRED = "expired"
    LOCKED = "locked"


Handler = Callable[[Request], Awaitable[Response]]


@dataclass
class Faults:
    """Which requests fail, and how.

    Parameters
    ----------
    share
        Of requests that meet one of `kinds` by chance, in [0, 1].
    latency_s
        Before every answer; what is written is written before it.
    """

    seed: int = 0
    share: float = 0.0
    kinds: tuple[Fault, ...] = tuple(Fault)
    latency_s: float = 0.0
    coming: deque[Fault | None] = field(default_factory=deque)
    met: Counter[str] = field(default_factory=Counter)
    is_revoked: bool = False
    records_locked: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)

    def next(self) -> Fault | None:
        """The fault of the request that just came."""
        fault = self.coming.popleft() if self.coming else None
        if fault is None and self.share and self._random.random() < self.share:
            fault = self._random.choice(self.kinds)
        if fault is not None:
            self.met[fault] += 1
        return fault

    async def serve(self, fault: Fault | None, request: Request, handler: Handler) -> Response:
        """The handler's answer, or a break in the connection before or after it has done its work."""
        if fault is Fault.RESET_BEFORE:
            return broken()
        response = await handler(request)
        if self.latency_s:
            await asyncio.sleep(self.latency_s)
        return broken() if fault is Fault.RESET_AFTER else response


def broken() -> Response:
    """An answer that ends in its middle."""

    async def nothing():
        return
        yield b""

    return StreamingResponse(nothing(), headers={"Content-Length": "1000"})


def json_answer(body: object, status: int = 200, **headers: str) -> Response:
    return JSONResponse(body, status, {name.replace("_", "-"): value for name, value in headers.items()})
