"""What Ctrl-C, `kill` and a closed terminal do: an exception that lets everything be cleaned up."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_POLITE = (signal.SIGTERM, signal.SIGHUP)
_ALL = (signal.SIGINT, *_POLITE)


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP came: whoever cleans up after Ctrl-C cleans up after these too."""


def terminate(number: int, _frame: FrameType | None) -> None:
    """Signal handler: raise Terminated."""
    raise Terminated(signal.Signals(number).name)


@contextmanager
def raised() -> Iterator[None]:
    """Within, SIGTERM and SIGHUP raise Terminated in the main thread, a kind of KeyboardInterrupt."""
    with _handled(_POLITE, terminate):
        yield


@contextmanager
def ignored() -> Iterator[None]:
    """Within, none of the three interrupts."""
    with _handled(_ALL, signal.SIG_IGN):
        yield


@contextmanager
def _handled(numbers: tuple[signal.Signals, ...], handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # Python lets only the main thread set handlers, and only it is interrupted
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
