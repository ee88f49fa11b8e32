"""The protocol: every model over one data set, each prediction counted once, as it was when its event came."""

from collections.abc import Callable
from typing import NamedTuple

from models.dataset.dataset import DataSet
from models.evaluation import prox
from models.evaluation.baselines.naive_bayes import FrequencyBayes
from models.evaluation.baselines.nightly import nightly
from models.evaluation.baselines.river import RiverForest, RiverRegression
from models.evaluation.baselines.scorecard import Scorecard
from models.evaluation.bootstrap import Difference, LeadBootstrap
from models.evaluation.measures import Bin, auc, brier, calibration, ece, log_losses
from models.evaluation.online import Online, prequential
from models.evaluation.points import Points, gathered
from models.evaluation.run import Clock, Progress, Run
from models.evaluation.stream import records
from models.learner import Learner
from models.replay import hazard_learner
from schemas.enriched import EnrichedEvent
from schemas.errors import ConfigError
from schemas.policy import TenantPolicy

COUNTED = 0.75
"""Share of the scoring points, the last ones, that the measures speak of: before, every model is new."""
FIRST = 1_000
"""Scoring points of the cold start."""
LEAST_POINTS = 8
"""Scoring points below which there is nothing to measure."""


class Figures(NamedTuple):
    """One model on one data set.

    All measures but `auc_first_1000` are of the last 75 % of the scoring points; a None has no pairs to put in order. Costs in CPU µs.
    """

    auc: float | None
    log_loss: float
    brier: float
    ece: float
    auc_first_1000: float | None
    us_score: float
    us_label: float


class Result(NamedTuple):
    """One model's figures and calibration; `difference` is ProX less this model, None for ProX itself."""

    name: str
    note: str
    figures: Figures
    calibration: list[Bin]
    difference: Difference | None


class Evaluation(NamedTuple):
    """A data set's results, ProX first."""

    data_set: str
    title: str
    points: int
    leads: int
    base_rate: float
    results: list[Result]


def evaluate(
    data: DataSet, clock: Clock, progress: Progress, *, learner: Callable[[TenantPolicy], Learner] = hazard_learner, with_hints: bool = False
) -> Evaluation:
    """Run ProX and every baseline over a data set.

    Parameters
    ----------
    data
        Any data set.
    clock
        CPU time in ns, for the costs.
    progress
        Told as it goes.
    learner
        ProX's own, as in `Replay`.
    with_hints
        Whether ProX is run once more with the manifest's hints, to compare.

    Raises
    ------
    ConfigError
        The data set has too few scoring points.
    """
    scoring_points = list(data.scoring_points())
    if len(scoring_points) < LEAST_POINTS:
        raise ConfigError(f"{data.manifest.name}: {len(scoring_points)} scoring points have a label, {LEAST_POINTS} are needed")
    replayed = prox.replay(data, clock, progress, learner=learner)
    events = (record for record in records(data) if isinstance(record, EnrichedEvent))
    points = gathered(scoring_points, events, replayed.known_at, data.policy)
    event_ids = [point.event_id for point in scoring_points]
    runs = [prox.run(prox.NAME, replayed, event_ids, points.vectors, clock)]
    if with_hints:
        hinted = prox.replay(data, clock, progress, learner=learner, with_hints=True)
        runs.append(prox.run(prox.HINTED, hinted, event_ids, points.vectors, clock))
    results = judged(points, [*runs, *baselines(points, data.policy.prior, clock, progress)])
    return Evaluation(data.manifest.name, data.manifest.title, len(points), len(set(points.leads.tolist())), float(points.converted.mean()), results)


def baselines(points: Points, prior: float, clock: Clock, progress: Progress) -> list[Run]:
    """Every baseline over the points."""
    online: list[Online] = [Scorecard(prior), FrequencyBayes(prior), RiverRegression(prior), RiverForest(prior, len(points))]
    runs = [prequential(points, model, clock, progress) for model in online]
    trees = nightly(points, prior, clock, progress)
    return [*runs, trees.last_night, trees.live]


def judged(points: Points, runs: list[Run]) -> list[Result]:
    """The runs' results; the first run is compared with all others."""
    counted = slice(len(points) - int(COUNTED * len(points)), len(points))
    converted = points.converted[counted]
    bootstrap = LeadBootstrap(points.leads[counted], converted)
    ours = runs[0].propensities[counted]
    return [
        Result(
            run.name,
            run.note,
            _figures(run, points, counted),
            calibration(run.propensities[counted], converted),
            bootstrap.difference(ours, run.propensities[counted]) if run is not runs[0] else None,
        )
        for run in runs
    ]


def _figures(run: Run, points: Points, counted: slice) -> Figures:
    propensities, converted = run.propensities[counted], points.converted[counted]
    return Figures(
        auc=auc(propensities, converted),
        log_loss=float(log_losses(propensities, converted).mean()),
        brier=brier(propensities, converted),
        ece=ece(propensities, converted),
        auc_first_1000=auc(run.propensities[:FIRST], points.converted[:FIRST]),
        us_score=run.us_score,
        us_label=run.us_label,
    )
