"""Whom do I call first: bands from the top, sorted within (docs/adr/0009-rank-leads-by-band.md)."""

from collections.abc import Set
from heapq import nsmallest
from itertools import groupby
from typing import NamedTuple

from connectors.cassandra.client import CassandraClient
from connectors.cassandra.months import millis
from connectors.cassandra.page import Page, page_of
from connectors.cassandra.ranking import GRADES, band_of
from schemas.ids import Millis

PLACES = "SELECT band, grade FROM bands_by_tenant WHERE tenant = ? AND band <= ?"
BAND = "SELECT lead, grade, propensity, as_of FROM leads_by_band WHERE tenant = ? AND grade = ? AND band = ?"


class RankedLead(NamedTuple):
    """A lead among the others of its tenant."""

    lead: str
    grade: str
    propensity: float
    as_of: Millis


class Standing(NamedTuple):
    """A position among leads that are ordered by falling propensity and then by name: the last that was given."""

    propensity: float
    lead: str


class LeadStore:
    """Leads of a tenant, best first."""

    def __init__(self, client: CassandraClient) -> None:
        self._client = client

    def ranked(self, tenant: str, *, grades: Set[str] = frozenset(GRADES), limit: int, after: Standing | None = None) -> Page[RankedLead, Standing]:
        """Leads of these grades, the highest propensity first, from after a position on.

        A lead that moves while pages are walked may be met twice or not at all, as anywhere where the order itself changes.
        """
        top = band_of(after.propensity if after else 1.0)
        places = [place for place in self._client.rows(PLACES, (tenant, top)) if place.grade in grades]
        found: list[RankedLead] = []
        for band, of_band in groupby(places, key=lambda place: place.band):
            asked = [(tenant, place.grade, band) for place in of_band]
            rows = self._client.rows_of_all(BAND, asked)
            below = (row for row in rows if after is None or (-row.propensity, row.lead) > (-after.propensity, after.lead))
            best = nsmallest(limit + 1 - len(found), below, key=lambda row: (-row.propensity, row.lead))
            found.extend(RankedLead(row.lead, row.grade, row.propensity, millis(row.as_of)) for row in best)
            if len(found) > limit:
                break
        return page_of(found, limit, lambda lead: Standing(lead.propensity, lead.lead))
