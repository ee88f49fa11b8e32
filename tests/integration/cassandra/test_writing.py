from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.cassandra.client import CassandraClient
from connectors.cassandra.config import CassandraConfig
from connectors.cassandra.leads import LeadStore
from connectors.cassandra.metrics import MetricStore
from connectors.cassandra.models import ModelStore
from connectors.cassandra.outcomes import OutcomeStore
from connectors.cassandra.profiles import ProfileStore
from connectors.cassandra.pushes import PushStore
from connectors.cassandra.scores import ScoreStore
from connectors.cassandra.timestamps import score_timestamp
from connectors.cassandra.writer import ResultsWriter
from schemas.event import PROFILE_UPDATED, Person
from schemas.ids import Millis
from tests.builders import FRIDAY, MONDAY, TENANT, TUESDAY, later, won
from tests.results import a_metric, a_model, a_push, a_score, an_enriched

EVER = {"since": Millis(0), "until": Millis(1 << 42), "limit": 100}
_tenants = (f"tenant-{number}" for number in count())

SCORES = [a_score(sequence=n, propensity=p) for n, p in enumerate((0.1, 0.5, 0.9, 0.55, 0.2), start=1)]
AGAIN = [s._replace(model_version=s.model_version + 512, propensity=s.propensity / 2, scored_at=later(s.scored_at, seconds=20)) for s in SCORES]
"""The same events, scored again after a restart by a newer model."""


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_order_and_any_repeat_of_scores_leaves_the_same_rows(writer: ResultsWriter, client: CassandraClient, data: st.DataObject):
    """History has one row an event, with the score given last whole; the latest score and the rank are the last."""
    tenant = next(_tenants)
    scores = [
        s._replace(tenant=tenant) for s in data.draw(st.permutations(SCORES + AGAIN + data.draw(st.lists(st.sampled_from(SCORES), max_size=4))))
    ]
    bands: dict[str, int] = {}
    while scores:
        size = data.draw(st.integers(1, len(scores)))
        writer.write(scores[:size], bands)
        scores = scores[size:]

    expected = [s._replace(tenant=tenant) for s in sorted(AGAIN, key=score_timestamp, reverse=True)]
    store = ScoreStore(client)
    assert expected == store.history(tenant, "ada", **EVER).items
    assert expected[0] == store.latest(tenant, "ada")
    assert ["ada"] == [lead.lead for lead in LeadStore(client).ranked(tenant, limit=10).items]


def test_a_crash_between_writes_leaves_no_second_rank(writer: ResultsWriter, client: CassandraClient):
    """The bands restored are older than the rows; the batch after the restart is larger than those before the crash."""
    before: dict[str, int] = {}
    writer.write(SCORES[:1], before)
    lost = dict(before)
    for score in SCORES[1:3]:
        writer.write([score], lost)

    writer.write(SCORES[1:], before)

    assert [("ada", 0.2)] == [(lead.lead, lead.propensity) for lead in LeadStore(client).ranked(TENANT, limit=10).items]


def test_an_outcome_takes_the_lead_out_of_the_ranking(migrated: CassandraConfig, client: CassandraClient):
    """Before, with or after its scores; where a lead may convert again, a later score puts it back."""
    with ResultsWriter(migrated, repeatable=frozenset({"globex"})) as writing:
        for tenant in (TENANT, "globex"):
            scores = [s._replace(tenant=tenant) for s in SCORES]
            outcome = won(at=SCORES[2].as_of, tenant=tenant)
            bands: dict[str, int] = {}
            for batch in ([outcome], scores[:3], [outcome, *scores[3:]], [outcome]):
                writing.write(batch, bands)

    assert [[], ["ada"]] == [[lead.lead for lead in LeadStore(client).ranked(tenant, limit=10).items] for tenant in (TENANT, "globex")]


def test_a_profile_is_the_latest_of_each_part_in_any_order(writer: ResultsWriter, client: CassandraClient):
    """Traits, consent and person each come from the event that said so last."""
    events = [
        an_enriched(at=MONDAY, type=PROFILE_UPDATED, profile_texts={"industry": "it"}, account_id="old", person=Person(email="old@example.com")),
        an_enriched(at=TUESDAY, type=PROFILE_UPDATED, profile_texts={"industry": "retail"}, account_id="new"),
        an_enriched(at=MONDAY, consent={"profiling": False}),
        an_enriched(at=TUESDAY, consent={"profiling": True}),
        an_enriched(at=FRIDAY, person=Person(name="Ada")),
    ]
    for lead, order in (("ada", events), ("bob", events[::-1])):
        for event in order:
            writer.write([event._replace(lead=lead)], {})

    ada, bob = (ProfileStore(client).profile(TENANT, lead) for lead in ("ada", "bob"))
    assert ada == bob
    assert ada is not None
    assert ("new", {"industry": "retail"}, {"profiling": True}) == (ada.account_id, ada.texts, ada.consent)
    assert Person(email="old@example.com", name="Ada") == ada.person
    assert (MONDAY, FRIDAY) == (ada.first_seen, ada.last_seen)


def test_outcomes_metrics_and_models_are_read_as_they_were_written(writer: ResultsWriter, client: CassandraClient):
    """Every kind in one batch, twice."""
    for _ in range(2):
        writer.write([won(at=MONDAY), won(at=FRIDAY, amount=12.5), a_metric(), a_metric(at=FRIDAY, value=0.8), a_model(1), a_model(2)], {})

    assert won(at=FRIDAY, amount=12.5) == OutcomeStore(client).latest(TENANT, "ada")
    assert [a_metric(at=FRIDAY, value=0.8)] == MetricStore(client).latest(TENANT)
    assert [a_metric(at=FRIDAY, value=0.8), a_metric()] == MetricStore(client).history(TENANT, "auc", **EVER).items
    assert [(2, 10), (1, 10)] == [(m.version, m.payload_bytes) for m in ModelStore(client).versions(TENANT, limit=5).items]


def test_a_value_that_no_table_can_hold_does_not_stop_the_others(writer: ResultsWriter, client: CassandraClient):
    """It is given back with its reason; the rest of the batch is written."""
    bad = a_score("x" * 70_000)

    refused = writer.write([bad, a_score("bob")], {})

    assert [bad] == [one.value for one in refused]
    assert a_score("bob") == ScoreStore(client).latest(TENANT, "bob")


def test_large_events_of_one_lead_in_one_batch_are_written(writer: ResultsWriter):
    """Requests stay below Cassandra's limits however large the events of one lead are."""
    large = [an_enriched(at=MONDAY + n, texts={"body": "x" * 1_000_000}) for n in range(20)]

    assert [] == writer.write(large, {})


def test_the_latest_push_of_each_crm_is_kept(writer: ResultsWriter, client: CassandraClient):
    """Of one score the later word counts, of several scores the newest, whatever the order of arrival."""
    refused, again = a_push(sequence=2, status="refused"), a_push(sequence=2, reported_at=FRIDAY)
    writer.write([again, refused, a_push(), a_push(crm="salesforce")], {})

    assert [again, a_push(crm="salesforce")] == [pushed.latest for pushed in PushStore(client).latest(TENANT, "ada")]
