from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.cassandra.accounts import MOST, AccountStore
from connectors.cassandra.client import CassandraClient
from connectors.cassandra.leads import RankedLead
from connectors.cassandra.traits import StoredTrait, TraitStore
from connectors.cassandra.writer import ResultsWriter
from schemas.event import LEAD_MOVED, PROFILE_UPDATED
from tests.builders import FRIDAY, MONDAY, TENANT, TUESDAY, won
from tests.results import a_score, an_enriched

_tenants = (f"tenant-{number}" for number in count())

EMPLOYED = [
    a_score(sequence=n, propensity=n / 10, account_id=name) for n, name in enumerate(("lovelace", "babbage", "lovelace", "menabrea"), start=1)
]


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_lead_is_in_the_list_of_one_account(writer: ResultsWriter, client: CassandraClient, data: st.DataObject):
    """Whatever the order of its scores, the repeats and the batches: that of its last score, as of that score."""
    tenant = next(_tenants)
    scores = [s._replace(tenant=tenant) for s in data.draw(st.permutations(EMPLOYED + data.draw(st.lists(st.sampled_from(EMPLOYED), max_size=3))))]
    bands: dict[str, int] = {}
    accounts: dict[str, str] = {}
    while scores:
        size = data.draw(st.integers(1, len(scores)))
        writer.write(scores[:size], bands, accounts)
        scores = scores[size:]

    last, store = EMPLOYED[-1], AccountStore(client)
    assert [[], [], [RankedLead("ada", last.grade, last.propensity, last.as_of)]] == [
        store.leads_of(tenant, account) for account in ("lovelace", "babbage", "menabrea")
    ]


def test_an_account_lists_its_open_leads_best_first(writer: ResultsWriter, client: CassandraClient):
    """Without those that were won or that proved to be another lead's; and no other tenant's."""
    moved = an_enriched(
        "old", at=FRIDAY, type=LEAD_MOVED, texts={"to": "ada", "before": "old", "memory_from": "old"}, numbers={"number": 1.0, "is_nobody": 0.0}
    )
    scores = [a_score(lead, propensity=p, account_id="lovelace") for lead, p in (("ada", 0.2), ("bob", 0.7), ("cyd", 0.9), ("old", 0.8))]
    bands: dict[str, int] = {}
    accounts: dict[str, str] = {}
    for batch in (scores, [won("cyd"), moved], [a_score("eve", tenant="globex", account_id="lovelace")]):
        writer.write(batch, bands, accounts)

    assert ["bob", "ada"] == [lead.lead for lead in AccountStore(client).leads_of(TENANT, "lovelace")]


def test_of_an_id_that_too_many_share_no_more_is_read(writer: ResultsWriter, client: CassandraClient):
    """A request reads a bounded part of any partition."""
    writer.write([a_score(f"reader-{n}", account_id="shared") for n in range(MOST + 50)], {}, {})

    assert MOST + 1 == len(AccountStore(client).leads_of(TENANT, "shared"))


def test_a_trait_is_what_was_said_last_in_any_order(writer: ResultsWriter, client: CassandraClient):
    """Value, source and time of one event; a number takes the place of a text, and is none of it."""
    said = [
        an_enriched(at=at, sequence=n, type=PROFILE_UPDATED, source=source, texts=texts, numbers=numbers)
        for n, (at, source, texts, numbers) in enumerate(
            [(MONDAY, "website", {"size": "large", "plan": "pro"}, {}), (FRIDAY, "hubspot", {}, {"size": 40.0}), (TUESDAY, "", {"plan": "free"}, {})],
            start=1,
        )
    ]
    for lead, order in (("ada", said), ("bob", said[::-1])):
        for event in order:
            writer.write([event._replace(lead=lead)], {})

    store = TraitStore(client)
    assert [StoredTrait("plan", "free", "", TUESDAY), StoredTrait("size", 40.0, "hubspot", FRIDAY)] == store.of_lead(TENANT, "ada")
    assert store.of_lead(TENANT, "ada") == store.of_lead(TENANT, "bob")
