"""Outcomes as they often come: who converts says so at once, who does not never says no."""

import numpy as np
import pytest

from models.evaluation.measures import auc
from models.replay import Replay
from schemas.policy import DAY_MS, TenantPolicy
from tests.builders import MONDAY, TENANT, arrived, later, viewed_page, won

LEADS = 1_200
RATE = {"fair": 0.5, "web": 0.1}
"""Of conversions within the window, by where the lead comes from; all of them come within six hours."""


@pytest.mark.parametrize("tells", [True, False])
def test_quick_conversions_and_long_silence_are_weighed_alike(tells: bool):
    """After a window, scores order leads as their source does, or not at all where it tells nothing; and on average they are right."""
    rng = np.random.default_rng(1)
    records, truth = [], {}
    for i in range(LEADS):
        at, source = later(MONDAY, hours=2 * i), str(rng.choice(["fair", "web"]))
        seen = viewed_page(f"lead-{i}", at=at, properties={"source": source})
        chance = RATE[source] if tells else 0.3
        truth[seen.event_id] = bool(rng.random() < chance)
        records.append(seen)
        if truth[seen.event_id]:
            records.append(won(f"lead-{i}", at=later(at, hours=float(rng.uniform(1.0, 6.0)))))
    records.sort(key=lambda record: record.occurred_at)
    replay = Replay({TENANT: TenantPolicy(window_ms=30 * DAY_MS)})
    scores = [score for processed in replay.run([[record] for record in arrived(*records)]) for score in processed.scores]
    late = [score for score in scores if score.as_of >= later(MONDAY, days=45)]
    said, converted = np.array([score.propensity for score in late]), np.array([truth[score.event_id] for score in late])
    area = auc(said, converted)

    assert area is not None
    assert area > 0.7 if tells else 0.42 < area < 0.58
    assert converted.mean() == pytest.approx(said.mean(), abs=0.07)
