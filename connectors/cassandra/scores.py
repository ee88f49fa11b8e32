"""What is this lead's score now, and why; how did it move."""

from collections.abc import Iterable

from connectors.cassandra.client import CassandraClient, Row
from connectors.cassandra.months import millis, months_back
from connectors.cassandra.page import Moment, Page, page_of, walk
from schemas.ids import Millis
from schemas.model_snapshot import LEARNER
from schemas.score import LeadScore

SELECT = (
    "SELECT tenant, lead, event_id, sequence, as_of, propensity, grade, reasons, reason_values, baseline, rest,"
    " evidence, converted_by, learner, model_version, base_version, feature_digest, scored_at, received_at"
)
LATEST = f"{SELECT} FROM scores_by_lead WHERE tenant = ? AND lead = ?"
BOUNDS = "SELECT as_of, first_as_of FROM scores_by_lead WHERE tenant = ? AND lead = ?"
HISTORY = f"{SELECT} FROM score_history_by_lead WHERE tenant = ? AND lead = ? AND month = ? AND (as_of) >= (?) AND (as_of, event_id) < (?, ?) LIMIT ?"


class ScoreStore:
    """Scores of a lead."""

    def __init__(self, client: CassandraClient) -> None:
        self._client = client

    def latest(self, tenant: str, lead: str) -> LeadScore | None:
        """The score that counts now; None for a lead that was never scored."""
        row = self._client.row(LATEST, (tenant, lead))
        return None if row is None or row.as_of is None else _score(row)

    def history(self, tenant: str, lead: str, *, since: Millis, until: Millis, limit: int, after: Moment | None = None) -> Page[LeadScore, Moment]:
        """Scores with `as_of` in [since, until), newest first, from after a position on."""
        bounds = self._client.row(BOUNDS, (tenant, lead))
        if bounds is None or bounds.as_of is None:
            return Page([], None)
        below = min(after or Moment(until, ""), Moment(until, ""))
        newest, oldest = millis(bounds.as_of), millis(bounds.first_as_of or bounds.as_of)

        def fetch(month: int, count: int) -> Iterable[Row]:
            return self._client.rows(HISTORY, (tenant, lead, month, since, *below, count))

        months = months_back(Millis(min(newest, below.at)), Millis(max(oldest, since)))
        return page_of([_score(row) for row in walk(months, fetch, limit + 1)], limit, lambda score: Moment(score.as_of, score.event_id))


def _score(row: Row) -> LeadScore:
    times = {"as_of": millis(row.as_of), "scored_at": millis(row.scored_at), "received_at": millis(row.received_at)}
    fields = row._asdict() | times
    reasons = fields.pop("reasons") or ()
    # rows from before these columns, and lists that were empty
    fields |= {name: fields[name] or 0.0 for name in ("baseline", "rest")} | {name: fields[name] or 0 for name in ("evidence", "base_version")}
    fields |= {name: list(fields[name] or ()) for name in ("reason_values", "converted_by")} | {"learner": fields["learner"] or LEARNER}
    return LeadScore(**fields, reason_features=[feature for feature, _ in reasons], reason_shares=[share for _, share in reasons])
