"""The fewest inputs that take every step from line to line that all of them take."""

import sys
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any

from tests.conftest import ROOT

OURS = tuple(str(ROOT / folder) for folder in ("models/collecting", "api/collector", "schemas"))

Step = tuple[str, int, int]


def smallest(target: Callable[[bytes], None], inputs: Iterable[bytes]) -> list[bytes]:
    """Inputs, the shortest first, each of which takes a step that none before it took. Those that break a law are left out."""
    kept, seen = [], set[Step]()
    for data in sorted(set(inputs), key=lambda one: (len(one), one)):
        steps = steps_of(target, data)
        if steps - seen:
            kept.append(data)
            seen |= steps
    return kept


def steps_of(target: Callable[[bytes], None], data: bytes) -> set[Step]:
    """Steps from line to line in our own code; none if a law is broken."""
    steps: set[Step] = set()

    def enter(frame: FrameType, _event: str, _arg: Any) -> Any:
        name = frame.f_code.co_filename
        if not name.startswith(OURS):
            return None
        at = frame.f_lineno

        def step(frame: FrameType, event: str, _arg: Any) -> Any:
            nonlocal at
            if event == "line":
                steps.add((name, at, frame.f_lineno))
                at = frame.f_lineno
            return step

        return step

    sys.settrace(enter)
    try:
        target(data)
    except Exception:
        return set()
    finally:
        sys.settrace(None)
    return steps
