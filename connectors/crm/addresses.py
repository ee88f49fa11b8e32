"""Leads' e-mail addresses while a request is made up."""

import asyncio
from collections.abc import Mapping, Sequence

from connectors.crm.contract import Addresses, Answer, Item, Verdict
from schemas.errors import RetriableError

AWAY = Answer(Verdict.RETRY, "addresses_away")
"""To a lead whose address cannot be read now: no error of the request's, for it is not the CRM that is away."""


async def emails_of(addresses: Addresses, items: Sequence[Item]) -> Mapping[str, str] | None:
    """Lead → address, for those that have one; None while they cannot be read. The event loop goes on meanwhile."""
    try:
        return await asyncio.to_thread(addresses.emails, [item.lead for item in items])
    except RetriableError:
        return None
