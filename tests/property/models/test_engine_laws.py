"""Laws of the engine: how a stream is cut, ordered, repeated or mixed changes nothing that it should not."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from models.engine import VersionedModel
from schemas.ids import Millis, lead_key
from schemas.policy import TenantPolicy
from schemas.score import LeadScore
from tests.builders import MONDAY, TENANT, a_model, an_event, enriched, later
from tests.lane import Lane, Record, in_batches
from tests.property.models.stories import cuts, is_outcome, keys_of, once, played, policies, properties, stories


def in_step(records: Sequence[Record], policy: TenantPolicy, parts: Sequence[int], *, restarts: bool = False) -> Lane:
    """A lane that takes batches, and after each one what event time has made known: all before the next batch's first record."""
    lane = Lane(policy=policy)
    batches = in_batches(records, parts)
    clocks = [min(record.received_at for record in batch) - 1 for batch in batches[1:] if batch]
    for batch, clock in zip(batches, [*clocks, None], strict=False):
        lane.take(batch)
        if clock is not None:
            lane.advance(clock)
        if restarts:
            lane.restart()
    lane.advance()
    return lane


@given(stories(), policies, cuts)
def test_cutting_a_stream_into_batches_differently_changes_no_score(records: list[Record], policy: TenantPolicy, parts: list[int]):
    """Scores are equal in every field, whether records come one at a time, in batches or all at once."""
    all_at_once, one_by_one, cut = Lane(policy=policy), Lane(policy=policy), in_step(records, policy, parts)
    all_at_once.take(records)
    for record in records:
        one_by_one.take([record])

    assert all_at_once.scores == one_by_one.scores == cut.scores


@given(stories(), once, cuts)
def test_cutting_a_stream_into_batches_differently_changes_no_label(records: list[Record], policy: TenantPolicy, parts: list[int]):
    """The same intervals get the same labels, however often they are looked for."""
    assert sorted(in_step(records, policy, ()).labels) == sorted(in_step(records, policy, parts).labels)


@given(stories(), policies, cuts)
def test_a_restart_between_batches_changes_nothing(records: list[Record], policy: TenantPolicy, parts: list[int]):
    """What state holds is all there is: an engine that begins again from bytes goes on as if nothing had happened."""
    through, restarted = in_step(records, policy, parts), in_step(records, policy, parts, restarts=True)

    assert (through.scores, through.examples) == (restarted.scores, restarted.examples)


@given(stories(), policies, st.randoms(use_true_random=False))
def test_the_order_of_arrival_between_leads_does_not_matter(records: list[Record], policy: TenantPolicy, rng: object):
    """Only a lead's own records decide: in another lane order each lead gets the same scores and labels."""
    queues = {key: [record for record in records if lead_key(record.tenant, record.lead) == key] for key in keys_of(records)}
    turns = [lead_key(record.tenant, record.lead) for record in records]
    rng.shuffle(turns)
    mixed = played([queues[key].pop(0) for key in turns], policy)
    straight = played(records, policy)

    assert (by_lead(straight.scores), sorted(straight.labels)) == (by_lead(mixed.scores), sorted(mixed.labels))


@given(stories(tenants=("acme", "globex")), policies)
def test_one_tenants_events_never_move_anothers_score(records: list[Record], policy: TenantPolicy):
    """With another tenant's records in the lane, or without, scores and examples are the same."""
    models = {"acme": VersionedModel(3, a_model()), "globex": VersionedModel(4, a_model(shift=5.0))}
    mixed, alone = (Lane({"acme": policy, "globex": TenantPolicy(prior=0.5)}, model_of=models.get) for _ in range(2))
    mixed.take(records)
    alone.take([record for record in records if record.tenant == "acme"])
    mixed.advance()
    alone.advance()

    assert alone.scores == [score for score in mixed.scores if score.tenant == "acme"]
    assert alone.examples == [example for example in mixed.examples if example.tenant == "acme"]


@given(stories(), policies, st.integers(0, 40), st.integers(0, 40))
def test_events_published_again_change_nothing(records: list[Record], policy: TenantPolicy, start: int, end: int):
    """After a failure a stretch of events comes again: no score, no label, no count differs."""
    calm, shaken = Lane(policy=policy), Lane(policy=policy)
    again = [record for record in records[start:end] if not is_outcome(record)]
    for lane, batches in ((calm, [records]), (shaken, [records[:end], again, records[end:]])):
        for batch in batches:
            lane.take(batch)
        lane.advance()

    assert (calm.scores, sorted(calm.labels)) == (shaken.scores, sorted(shaken.labels))


@given(stories())
def test_leads_without_a_model_have_the_tenants_prior(records: list[Record]):
    """Before any label every propensity is the prior, whatever the lead did."""
    lane = Lane(policy=TenantPolicy(prior=0.2), model_of=lambda _: None)
    lane.take(records)

    assert all(abs(score.propensity - 0.2) < 1e-12 for score in lane.scores)
    assert all(score.model_version == 0 and score.reasons == [] for score in lane.scores)


@given(st.lists(properties, min_size=1, max_size=10), st.dictionaries(st.text(max_size=8), st.text(max_size=8) | st.floats(), max_size=60))
def test_a_propensity_is_a_probability_under_absurd_values(story: list[dict[str, str | float]], strange: dict[str, str | float]):
    """NaN, infinities, 1e308 and words that nobody has met are tolerated: every propensity is in [0, 1]."""
    lane = Lane()
    lane.take(enriched(*(an_event(at=later(MONDAY, hours=i), properties=given | strange) for i, given in enumerate(story))))

    assert len(story) == len(lane.scores)
    assert all(0.0 <= score.propensity <= 1.0 for score in lane.scores)


@given(st.integers(0, 2**53), st.integers(0, 2**53))
def test_a_propensity_is_a_probability_at_any_instant(first: int, second: int):
    """Leads of 1970 and of the year 287396 are scored too, in either order."""
    lane = Lane()
    lane.take([event._replace(sequence=i) for i, event in enumerate(enriched(an_event(at=Millis(first)), an_event("bob", at=Millis(second))), 1)])
    lane.take([event._replace(sequence=9) for event in enriched(an_event(at=Millis(second), event_id="e2"))])

    assert [True] * 3 == [0.0 <= score.propensity <= 1.0 for score in lane.scores]


def test_a_huge_vocabulary_is_tolerated():
    """An event of ten thousand new words is scored, on those that there is room for."""
    lane = Lane()
    lane.take(enriched(an_event(properties={f"word_{i}": str(i) for i in range(10_000)})))

    assert [True] == [0.0 <= score.propensity <= 1.0 for score in lane.scores]


@given(stories(), policies, cuts)
def test_nothing_is_learned_before_its_time(records: list[Record], policy: TenantPolicy, parts: list[int]):
    """No example comes out before event time has passed the instant from which its label may be known."""
    lane = Lane(policy=policy)
    clock = 0
    for batch in in_batches(records, parts):
        lane.take(batch)
        clock = max([clock, *(record.received_at for record in batch)])
        matured = lane.advance(clock)

        assert all(example.matured_at <= clock for example in matured)
        assert all(example.as_of <= example.matured_at for example in lane.examples)


@given(stories(), cuts)
def test_as_of_never_goes_back(records: list[Record], parts: list[int]):
    """A lead's scores are as of its latest event so far, though late events come between."""
    scores = in_step(records, TenantPolicy(), parts).scores

    assert all([score.as_of for score in mine] == sorted(score.as_of for score in mine) for mine in by_lead(scores).values())


def by_lead(scores: Sequence[LeadScore]) -> dict[str, list[LeadScore]]:
    """Scores in order, lead by lead."""
    grouped: dict[str, list[LeadScore]] = {f"{TENANT}|{TENANT}": []}
    for score in scores:
        grouped.setdefault(lead_key(score.tenant, score.lead), []).append(score)
    return grouped
