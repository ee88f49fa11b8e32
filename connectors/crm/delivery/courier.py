"""Carries an engine's requests out: an event loop in a thread, so that whoever owns the engine never waits for a CRM."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import NamedTuple

from connectors.crm.contract import Answered, Request, Sink
from connectors.crm.delivery.engine import Delivery, Ended
from schemas.errors import ProxError


class Account(NamedTuple):
    """An engine and where its requests go."""

    delivery: Delivery
    sink: Sink


class _Returned(NamedTuple):
    """What became of a request, at which instant of the loop's clock, in seconds."""

    request: Request
    outcome: Answered | Exception
    at_s: float


class Courier:
    """The thread. Close it when its accounts are done with."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._returned: defaultdict[str, SimpleQueue[_Returned]] = defaultdict(SimpleQueue)
        self._news = Event()
        self._thread = Thread(target=self._loop.run_forever, name="crm-courier", daemon=True)
        self._thread.start()
        self._tasks: set[asyncio.Task[None]] = set()

    def pump(self, accounts: Mapping[str, Account], now: int, *, wait_s: float = 0.0) -> list[tuple[str, Ended]]:
        """Take what has come back, send what is due; gives the pushes that ended, each with the name of its account.

        Parameters
        ----------
        accounts
            By name; only these are taken from and sent for.
        now
            Milliseconds.
        wait_s
            Wait so long at most for something to come back, before anything else; for callers with all accounts at hand.

        Raises
        ------
        Exception
            Whatever a sink raised that is no ProxError: an error of the program, not of the CRM.
        """
        if wait_s:
            self._news.wait(wait_s)
            self._news.clear()
        ended: list[tuple[str, Ended]] = []
        for name, account in accounts.items():
            for request, outcome, at_s in self._taken(name):
                # a request counts until an interval after its end, not after whoever owns the engine came by
                ended_at = now - int((self._loop.time() - at_s) * 1_000)
                if isinstance(outcome, Answered):
                    of_request = account.delivery.answered(request, outcome, ended_at)
                elif isinstance(outcome, ProxError):
                    of_request = account.delivery.failed(request, outcome, ended_at)
                else:
                    raise outcome
                ended += [(name, one) for one in of_request]
        for name, account in accounts.items():
            for request in account.delivery.due(now):
                self._loop.call_soon_threadsafe(self._begin, name, account.sink, request)
        return ended

    def close(self, *sinks: Sink) -> None:
        """End the loop, the requests under way and the sinks' connections."""

        async def end() -> None:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for sink in sinks:
                await sink.close()

        asyncio.run_coroutine_threadsafe(end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _taken(self, name: str) -> Iterator[_Returned]:
        returned = self._returned[name]
        while True:
            try:
                yield returned.get_nowait()
            except Empty:
                return

    def _begin(self, name: str, sink: Sink, request: Request) -> None:
        task = self._loop.create_task(self._carry(name, sink, request))
        self._tasks.add(task)  # the loop itself keeps only weak references
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, name: str, sink: Sink, request: Request) -> None:
        outcome: Answered | Exception
        try:
            outcome = await sink.send(request)
        except Exception as exc:
            outcome = exc
        self._returned[name].put(_Returned(request, outcome, self._loop.time()))
        self._news.set()
