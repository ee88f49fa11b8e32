"""What is published of a lead on every event."""

from typing import NamedTuple

from schemas.ids import Millis
from schemas.model_snapshot import LEARNER


class Reason(NamedTuple):
    """A feature and its share in a score's logit."""

    feature: str
    contribution: float


class LeadScore(NamedTuple):
    """A score. Key: `tenant|lead`. Identity: (`tenant`, `lead`, `event_id`).

    `sequence` is its event's; `as_of` is the latest `occurred_at` of the lead's events so far, so it never goes back.
    The lead's events up to `sequence`, version `model_version` of `learner` and the nightly base `base_version` (0: none had a say) give `propensity`
    again, bit for bit.
    `reason_features` and `reason_shares` are parallel, the largest share first: two arrays cost the encoder half of an array of records.
    `baseline` is the logit of the mean vector, `rest` what all other features contribute: baseline + shares + rest is the propensity's logit
    within 1e-6.
    `reason_values` are the reasons' values in the feature vector: what `models.explanations` puts into words. `evidence` is how many labels of
    the tenant's own the model had learned. `converted_by` is the probability of having converted by the end of each interval, the last one
    the propensity; empty where there is no window.
    `feature_digest` is the CRC-32 of the feature vector's bytes. `scored_at` is wall-clock, for latency only.
    `account_id` is the company that the lead works for, as known at its event: whose list the lead stands in.
    """

    tenant: str
    lead: str
    event_id: str
    sequence: int
    as_of: Millis
    propensity: float
    grade: str
    reason_features: list[str]
    reason_shares: list[float]
    model_version: int
    feature_digest: int
    scored_at: Millis
    received_at: Millis
    baseline: float = 0.0
    rest: float = 0.0
    base_version: int = 0
    learner: str = LEARNER
    reason_values: list[float] = []  # noqa: RUF012 - never changed: a score is a value
    evidence: int = 0
    converted_by: list[float] = []  # noqa: RUF012 - never changed: a score is a value
    account_id: str | None = None

    @property
    def reasons(self) -> list[Reason]:
        """The strongest contributions, the largest first."""
        return [Reason(feature, share) for feature, share in zip(self.reason_features, self.reason_shares, strict=True)]
