"""Shows a CRM the latest score of every lead: by Salesforce's bulk jobs where there are many, by the delivery engine where there are few."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import NamedTuple

from connectors.crm.contract import Sink, revision_of
from connectors.crm.fields import Values
from connectors.salesforce import bulk
from connectors.salesforce.client import SalesforceClient
from infra.crm.accounts import CrmAccount
from infra.crm.reconcile import Reconciled, reconcile
from schemas.score import LeadScore

PART = 50_000
"""Leads in one job: some 20 MB."""
ENGINE = frozenset({"REQUIRED_FIELD_MISSING", "CANNOT_UPDATE_CONVERTED_LEAD", "UNABLE_TO_LOCK_ROW", "ENTITY_IS_DELETED", "DUPLICATE_VALUE"})
"""What a job refuses for a reason that the engine knows a way around: it looks leads up, links them by address, finds the contact, waits."""


class Backfilled(NamedTuple):
    """What a back-fill did.

    Parameters
    ----------
    by_bulk
        Leads written by jobs.
    by_engine
        What became of all others, and of those whose score moved meanwhile.
    refused
        Salesforce's reason → leads that it refused for good.
    """

    by_bulk: int
    by_engine: Reconciled
    refused: Mapping[str, int]


def backfill(
    account: CrmAccount,
    sink: Sink,
    scores: Callable[[], Iterable[LeadScore]],
    *,
    client: Callable[[], SalesforceClient] | None,
    values: Values,
    share: float,
    clock: Callable[[], int],
    poll_s: float = 5.0,
) -> Backfilled:
    """Write the latest score of each lead. Doing it again changes nothing.

    `push_scores` may push a later score while a job runs, which then writes the older one over it: so the scores are read once more
    after the jobs, and those that moved are compared and mended.

    Parameters
    ----------
    account, sink, share, clock
        As in `reconcile`.
    scores
        Gives the latest score of each lead; called a second time after the jobs.
    client
        Makes a client of the account's org; None: it has no bulk jobs.
    values
        What is written of a score.
    poll_s
        How often a job is asked whether it has ended.

    Raises
    ------
    RetriableError
        A job or the account does not come to an end: run it again.
    """
    first = iter(scores())
    few = list(islice(first, bulk.WORTH_IT + 1))
    if client is None or len(few) <= bulk.WORTH_IT:
        return Backfilled(0, reconcile(account, sink, chain(few, first), share=share, clock=clock), {})
    written, left, refused = asyncio.run(_by_bulk(client(), chain(few, first), values, poll_s))
    moved = (score for score in scores() if score.lead not in left and written.get(score.lead) != revision_of(score))
    by_engine = reconcile(account, sink, chain(left.values(), moved), share=share, clock=clock)
    return Backfilled(len(written), by_engine, refused)


async def _by_bulk(
    client: SalesforceClient, scores: Iterator[LeadScore], values: Values, poll_s: float
) -> tuple[dict[str, str], dict[str, LeadScore], Counter[str]]:
    """Lead → revision written; lead → score for the engine; reasons of what was refused for good, which counts as written: it is told here."""
    written: dict[str, str] = {}
    left: dict[str, LeadScore] = {}
    refused: Counter[str] = Counter()
    try:
        while part := list(islice(scores, PART)):
            result = await bulk.upsert(client, part, values=values, poll_s=poll_s)
            left |= _for_engine(part, result)
            refused.update(reason for reason in result.refused.values() if reason not in ENGINE)
            written |= {score.lead: revision_of(score) for score in part if score.lead not in left}
    finally:
        await client.close()
    return written, left, refused


def _for_engine(part: Sequence[LeadScore], result: bulk.BulkResult) -> dict[str, LeadScore]:
    return {score.lead: score for score in part if result.refused.get(score.lead) in ENGINE}
