"""Matured examples of a made market: leads from fairs convert, and so do those who stay long on the web, but only there."""

import numpy as np

from models.features.registry import WIDTH
from models.features.vector import FeatureVector, categorical_id, numeric_id
from models.nightly.columns import FeatureVectors
from models.nightly.harvest import Ripe
from schemas.example import MaturedExample
from schemas.ids import Millis
from tests.builders import MONDAY, TENANT, later

FAIR, WEB, STAY = categorical_id("source", "fair"), categorical_id("source", "web"), numeric_id("stay")


def a_ripe_harvest(size: int = 600, seed: int = 1) -> Ripe:
    """One in five leads has no stay."""
    rng = np.random.default_rng(seed)
    vectors, converted = [], []
    for _ in range(size):
        source, stay = (FAIR if rng.random() < 0.3 else WEB), rng.normal()
        has_stay = rng.random() < 0.8
        dense = np.zeros(WIDTH, np.float32)
        dense[0] = rng.normal()
        ids = np.array([source, STAY] if has_stay else [source], np.uint64)
        values = np.array([1.0, stay] if has_stay else [1.0], np.float32)
        vectors.append(FeatureVector(dense, ids, values).to_bytes())
        chance = 0.8 if source == FAIR else 0.7 if has_stay and stay > 0.3 else 0.1
        converted.append(rng.random() < chance)
    as_of = MONDAY + np.arange(size) * 60_000
    return Ripe(FeatureVectors.of(vectors), np.array(converted), as_of)


def an_example(
    *, at: Millis = MONDAY, is_converted: bool = False, is_final: bool = True, after_days: float = 0.0, stay: float = 0.0
) -> MaturedExample:
    """A lead from the web, whose last label was known `after_days` later."""
    vector = FeatureVector(np.zeros(WIDTH, np.float32), np.array([WEB, STAY], np.uint64), np.array([1.0, stay], np.float32))
    return MaturedExample(
        tenant=TENANT,
        lead="ada",
        event_id="e1",
        sequence=1,
        as_of=at,
        matured_at=later(at, days=after_days),
        first_interval=0,
        last_interval=0,
        is_converted=is_converted,
        is_final=is_final,
        propensity=0.2,
        hazards=[0.2],
        model_version=1,
        features=vector.to_bytes(),
    )
