"""What every operator does when it opens."""

import sys

from connectors.kafka.registry import Registry
from infra.settings import Settings
from schemas.codec import Codec

SWITCH_INTERVAL_S = 0.0002
"""Threads of this interpreter wait so long for each other at most; the default of 5 ms adds up over the jobs (measured, see the ADR)."""


def opened_codec(settings: Settings) -> Codec:
    """Ready this interpreter's threads, and give the deployment's codec; from disk while the registry is away."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    return Registry(settings.kafka, cache_dir=settings.run_dir / "schemas").codec()
