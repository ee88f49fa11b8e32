"""A data set as the jobs would meet it: records enriched, in batches that lose no label's time."""

from collections.abc import Iterable, Iterator

from models.dataset.dataset import DataSet
from models.due import bucket_of
from models.enrichment import Acquaintance, enrich
from models.evaluation.hints import Hints
from schemas.enriched import EnrichedEvent
from schemas.event import Event
from schemas.ids import lead_key
from schemas.outcome import Outcome
from schemas.policy import DAY_MS, TenantPolicy

BATCH = 64
RETENTION_MS = 400 * DAY_MS

Record = EnrichedEvent | Outcome


def records(data: DataSet, *, with_hints: bool = False) -> Iterator[Record]:
    """The data set's events, enriched, and outcomes, in order of event time; with the manifest's hints or as they are."""
    known: dict[str, Acquaintance] = {}
    for record in Hints(data.manifest).told(data.records()) if with_hints else data.records():
        if isinstance(record, Event):
            of_lead = known.setdefault(lead_key(record.tenant, record.lead), Acquaintance())
            enriched = enrich(record, of_lead, retention_ms=RETENTION_MS).event
            if enriched is not None:
                yield enriched
        else:
            yield record


def batches(stream: Iterable[Record], policy: TenantPolicy) -> Iterator[list[Record]]:
    """The stream in batches of up to BATCH records, such that a replay scores each event as if it had come alone.

    Labels become due at the ends of the due queue's buckets, so no batch reaches beyond one. Without a window an outcome is a label at
    once, so no event follows one in its batch.
    """
    batch: list[Record] = []
    for record in stream:
        if batch and (len(batch) >= BATCH or _is_cut(batch[-1], record, policy)):
            yield batch
            batch = []
        batch.append(record)
    if batch:
        yield batch


def _is_cut(last: Record, record: Record, policy: TenantPolicy) -> bool:
    if policy.window_ms is None and isinstance(last, Outcome) and not isinstance(record, Outcome):
        return True
    return bucket_of(last.occurred_at) != bucket_of(record.occurred_at)
