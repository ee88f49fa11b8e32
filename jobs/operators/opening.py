"""What every operator does when it opens."""

import gc
import sys

from connectors.kafka.registry import Registry
from infra.settings import Settings
from schemas.codec import Codec

SWITCH_INTERVAL_S = 0.0002
"""Threads of this interpreter wait so long for each other at most; the default of 5 ms adds up over the jobs (measured, see the ADR)."""


COLLECT_AFTER = (100_000, 20, 100)
"""The interpreter looks for cycles after so many new objects. Events, scores and rows hold none; with the default of 700 it walked the
decoded memories for a twentieth of the time."""


def opened_codec(settings: Settings) -> Codec:
    """Ready this interpreter's threads, and give the deployment's codec; from disk while the registry is away."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.set_threshold(*COLLECT_AFTER)
    return Registry(settings.kafka, cache_dir=settings.run_dir / "schemas").codec()
