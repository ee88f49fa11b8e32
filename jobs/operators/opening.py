"""What every operator does when it opens."""

import gc
import sys
from pathlib import Path
from threading import Lock

from connectors.kafka.config import KafkaConfig
from connectors.kafka.registry import Registry
from infra.settings import Settings
from schemas.codec import Codec

SWITCH_INTERVAL_S = 0.0002
"""Threads of this interpreter wait so long for each other at most; the default of 5 ms adds up over the jobs (measured, see the ADR)."""


COLLECT_AFTER = (100_000, 20, 100)
"""The interpreter looks for cycles after so many new objects. Events, scores and rows hold none; with the default of 700 it walked the
decoded memories for a twentieth of the time."""


_codecs: dict[tuple[KafkaConfig, Path], Codec] = {}
_one_asks = Lock()
"""Operators open in threads of their own."""


def opened_codec(settings: Settings) -> Codec:
    """Ready this interpreter's threads, and give the deployment's codec; from disk while the registry is away.

    All operators of an interpreter share one: each of its own asked the registry for every topic's schema, and held up the first score.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.set_threshold(*COLLECT_AFTER)
    where = (settings.kafka, settings.run_dir / "schemas")
    with _one_asks:
        codec = _codecs.get(where)
        if codec is None:
            codec = _codecs[where] = Registry(settings.kafka, cache_dir=where[1]).codec()
        return codec
