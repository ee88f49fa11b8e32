"""The protocol: what is learned when, and what the figures speak of."""

import itertools

import numpy as np
import pytest

from models.dataset.dataset import DataSet
from models.evaluation.baselines.nightly import nightly
from models.evaluation.online import turns
from models.evaluation.points import NEVER, Points, gathered
from models.evaluation.protocol import FIRST, evaluate, judged
from models.evaluation.prox import replay
from models.evaluation.run import Run
from models.evaluation.stream import BATCH, batches, records
from models.learning.hazard_learner import HazardLearner
from models.nightly.columns import FeatureVectors
from models.replay import Replay
from schemas.enriched import EnrichedEvent
from schemas.errors import ConfigError
from schemas.example import MaturedExample
from schemas.outcome import Outcome
from schemas.policy import DAY_MS
from tests.unit.dataset.small import EVENTS, small
from tests.unit.evaluation.market import market


def ticks() -> int:
    """A clock that moves by a microsecond each time it is looked at."""
    return next(_TICKS)


_TICKS = itertools.count(step=1_000)


def quietly(_name: str, _done: int, _total: int) -> None:
    pass


def points_of(data: DataSet) -> Points:
    known = {one.lead: one.occurred_at for one in records(data) if isinstance(one, Outcome)}
    scored = list(data.scoring_points())
    events = [one for one in records(data) if isinstance(one, EnrichedEvent)]
    return gathered(scored, events, {one.event_id: known[f"{data.tenant}:{one.lead}"] for one in scored}, data.policy)


def at(*times: int, known: list[int]) -> Points:
    n = len(times)
    vectors = FeatureVectors.of([])
    return Points(np.arange(n), np.array(times), np.array(known), np.zeros(n, np.bool_), vectors, {})


def test_labels_are_learned_when_they_are_known_and_never_before_their_point():
    """Known at once, after a while, at the very time of the next point, and never."""
    points = at(1, 2, 2, 5, 9, known=[1, 5, 4, 9, NEVER])

    assert [([], 0, 1), ([0], 1, 3), ([2, 1], 3, 4), ([3], 4, 5)] == [tuple(turn) for turn in turns(points)]


def test_every_point_is_scored_once():
    """In order, however its labels come."""
    points = points_of(market(300, known="next_day"))
    scored = [i for turn in turns(points) for i in range(turn.start, turn.end)]
    learned = [i for turn in turns(points) for i in turn.labels]

    assert list(range(300)) == scored
    assert len(learned) == len(set(learned))


@pytest.mark.parametrize("data", [market(200), market(200, known="next_day"), small(EVENTS)], ids=["at_once", "next_day", "window"])
def test_cutting_into_batches_changes_no_score(data: DataSet):
    """Batches as the evaluation cuts them give the scores of one record at a time, bit for bit."""

    def scores(cut: list[list]) -> list[tuple[str, float]]:
        engine = Replay({data.tenant: data.policy})
        return [(one.event_id, one.propensity) for processed in engine.run(cut) for one in processed.scores]

    assert scores([[record] for record in records(data)]) == scores(list(batches(records(data), data.policy)))


def test_no_batch_is_larger_than_the_engine_likes():
    """64 at most."""
    data = market(500, known="next_day")

    assert max(map(len, batches(records(data), data.policy))) <= BATCH


def test_a_label_of_the_window_is_known_when_the_window_is_over():
    """Also that of a lead that converted long before."""
    data = small(EVENTS.replace("horizon_days = 30", "horizon_days = 3"))
    known = replay(data, ticks, quietly).known_at

    assert {point.event_id: point.occurred_at + 3 * DAY_MS for point in data.scoring_points()}.items() >= known.items()
    assert known


def test_features_have_their_names_again():
    """Numbers by name, categories by value, the memory's among them."""
    features = points_of(market(20)).features(3)

    assert "lead_recorded" == features["event"]
    assert features["profile.source"] in {"fair", "web"}
    assert {"profile.size", "age", "events"} <= features.keys()


def test_the_figures_are_of_the_last_three_quarters():
    """A model that knows nothing of the first thousand of four, and all of the others, is perfect, but for its cold start."""
    points = points_of(market(4 * FIRST))
    late = np.where(np.arange(len(points)) < FIRST, 0.5, points.converted)
    figures = judged(points, [Run("prox", late, 0, 0)])[0].figures

    assert (1.0, pytest.approx(0.0, abs=1e-5), 0.0, 0.5) == (figures.auc, figures.log_loss, figures.ece, figures.auc_first_1000)


def test_a_lead_of_today_has_no_score_of_last_night():
    """Each lead comes once: the CRM that scores by night knows nothing but the rate, the same for all of a day."""
    points = points_of(market(1_500, known="next_day"))
    both = nightly(points, 0.15, ticks, quietly)
    rates = {(day, p) for day, p in zip((points.as_of // DAY_MS).tolist(), both.last_night.propensities.tolist(), strict=True)}

    assert len({day for day, _ in rates}) == len(rates)
    assert len(set(both.live.propensities.tolist())) > 50


def test_the_cost_of_a_label_is_that_of_one_interval():
    """Examples that each take a microsecond and bring the labels of five intervals cost a fifth of it for each."""

    class OfFive(HazardLearner):
        def learn(self, example: MaturedExample) -> int:
            return 5 * super().learn(example)

    replayed = replay(market(100), ticks, quietly, learner=lambda policy: OfFive(prior=policy.prior, intervals=1))

    assert pytest.approx(0.2) == replayed.us_label


def test_every_model_finds_a_signal():
    """A source that tells: every learning model is well above chance, and ProX is compared with each."""
    results = evaluate(market(1_000), ticks, quietly).results
    aucs = {one.name: one.figures.auc for one in results}

    assert {"prox", "scorecard", "naive Bayes", "River LR", "River ARF", "nightly", "nightly, live"} == aucs.keys()
    assert all(auc is not None and auc > 0.7 for name, auc in aucs.items() if name not in ("nightly", "scorecard"))
    assert [True] + [False] * 6 == [one.difference is None for one in results]


def test_no_model_finds_a_signal_where_there_is_none():
    """Shuffled labels: whoever is above chance has seen the answer."""
    aucs = {one.name: one.figures.auc for one in evaluate(market(1_000, tells=False), ticks, quietly).results}

    assert {} == {name: auc for name, auc in aucs.items() if auc is None or not 0.43 < auc < 0.57}


def test_a_set_with_hardly_any_points_is_refused():
    """With a sentence, not with a number that means nothing."""
    with pytest.raises(ConfigError, match="3 scoring points"):
        evaluate(market(3), ticks, quietly)
