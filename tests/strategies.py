"""Hypothesis strategies for everything that moves: shared, so that every law is tried on the same kinds of values."""

from hypothesis import strategies as st

from schemas.champion_choice import ChampionChoice
from schemas.dead_letter import DeadLetter
from schemas.enriched import EnrichedEvent
from schemas.event import Event, Person
from schemas.example import MaturedExample
from schemas.identity import CLAIM_KINDS, IdentityClaim, LeadMoved
from schemas.ids import Millis
from schemas.metric import Metric
from schemas.model_snapshot import ModelSnapshot
from schemas.outcome import OUTCOMES, Outcome
from schemas.push import PUSH_STATUSES, PushReport
from schemas.score import LeadScore
from schemas.topics import Value

names = st.text(max_size=40)
"""Any text that UTF-8 can carry, the empty one too."""

tenants = st.text(st.characters(exclude_characters="|", exclude_categories=("Cs",)), min_size=1, max_size=20)
millis = st.integers(-(2**62), 2**62).map(Millis)
"""Any instant that the wire can carry; 1970 and 2100 among them."""

numbers = st.floats(allow_nan=False)
"""Any double but NaN, which equals nothing."""

texts_by_name = st.dictionaries(names, names, max_size=4)
numbers_by_name = st.dictionaries(names, numbers, max_size=4)
consents = st.dictionaries(names, st.booleans(), max_size=3)
maybe_names = st.none() | names
longs = st.integers(-(2**63), 2**63 - 1)

persons = st.builds(Person, maybe_names, maybe_names, maybe_names, maybe_names, maybe_names)
events = st.builds(
    Event,
    tenant=names,
    lead=names,
    event_id=names,
    type=names,
    channel=names,
    occurred_at=millis,
    received_at=millis,
    properties=st.dictionaries(names, names | numbers, max_size=4),
    context=texts_by_name,
    consent=consents,
    anonymous_id=maybe_names,
    user_id=maybe_names,
    account_id=maybe_names,
    person=st.none() | persons,
    previous_id=maybe_names,
    identifiers=texts_by_name,
    source=names,
    original_at=st.none() | millis,
    sent_at=st.none() | millis,
    is_clamped=st.booleans(),
    is_consent_stated=st.booleans(),
    gpc=st.booleans(),
)
enriched_events = st.builds(
    EnrichedEvent,
    tenant=names,
    lead=names,
    event_id=names,
    sequence=longs,
    type=names,
    channel=names,
    occurred_at=millis,
    received_at=millis,
    texts=texts_by_name,
    numbers=numbers_by_name,
    profile_texts=texts_by_name,
    profile_numbers=numbers_by_name,
    context=texts_by_name,
    consent=consents,
    account_id=maybe_names,
    person=st.none() | persons,
    source=names,
)
outcomes = st.builds(
    Outcome,
    tenant=names,
    lead=names,
    outcome_id=names,
    outcome=st.sampled_from(OUTCOMES),
    occurred_at=millis,
    received_at=millis,
    amount=st.none() | numbers,
    source=names,
)
lead_scores = st.builds(
    LeadScore,
    tenant=names,
    lead=names,
    event_id=names,
    sequence=longs,
    as_of=millis,
    propensity=numbers,
    grade=names,
    reason_features=st.lists(names, max_size=5),
    reason_shares=st.lists(numbers, max_size=5),
    baseline=numbers,
    rest=numbers,
    base_version=longs,
    learner=names,
    reason_values=st.lists(numbers, max_size=5),
    evidence=longs,
    converted_by=st.lists(numbers, max_size=5),
    model_version=longs,
    feature_digest=longs,
    scored_at=millis,
    received_at=millis,
)
matured_examples = st.builds(
    MaturedExample,
    tenant=names,
    lead=names,
    event_id=names,
    sequence=longs,
    as_of=millis,
    matured_at=millis,
    first_interval=st.integers(0, 4),
    last_interval=st.integers(0, 4),
    is_converted=st.booleans(),
    is_final=st.booleans(),
    propensity=numbers,
    hazards=st.lists(numbers, max_size=5),
    model_version=longs,
    features=st.binary(max_size=200),
    learner=names,
    shadow_learners=st.lists(names, max_size=3),
    shadow_propensities=st.lists(numbers, max_size=3),
    shadow_hazards=st.lists(numbers, max_size=6),
)
model_snapshots = st.builds(
    ModelSnapshot,
    tenant=names,
    version=longs,
    as_of=millis,
    learner=names,
    examples=longs,
    labels=longs,
    payload=st.binary(max_size=200),
    published_at=millis,
    is_champion=st.booleans(),
)
champion_choices = st.builds(ChampionChoice, tenant=names, choice_id=names, learner=names, by=names, chosen_at=millis)
metrics = st.builds(Metric, tenant=names, name=names, model=names, as_of=millis, value=numbers, points=longs, model_version=longs)
push_reports = st.builds(
    PushReport,
    tenant=names,
    lead=names,
    crm=names,
    event_id=names,
    sequence=longs,
    as_of=millis,
    propensity=numbers,
    grade=names,
    model_version=longs,
    status=st.sampled_from(PUSH_STATUSES),
    cause=names,
    reason=names,
    record=names,
    attempts=longs,
    due_since=millis,
    reported_at=millis,
)
texts = st.lists(names, max_size=3)
identity_claims = st.builds(
    IdentityClaim,
    tenant=names,
    claim_id=names,
    kind=st.sampled_from(CLAIM_KINDS),
    occurred_at=millis,
    received_at=millis,
    people=texts,
    devices=texts,
    roles=texts,
    alias=texts,
    by=names,
)
leads_moved = st.builds(
    LeadMoved,
    tenant=names,
    lead=names,
    before=names,
    to=names,
    number=longs,
    memory_from=names,
    is_nobody=st.booleans(),
    occurred_at=millis,
    received_at=millis,
)
dead_letters = st.builds(
    DeadLetter,
    stage=names,
    topic=names,
    reason=names,
    message=names,
    processor_version=names,
    failed_at=millis,
    key=st.none() | st.binary(max_size=40),
    value=st.binary(max_size=200),
)
values: st.SearchStrategy[Value] = st.one_of(
    events,
    enriched_events,
    outcomes,
    lead_scores,
    matured_examples,
    model_snapshots,
    metrics,
    champion_choices,
    push_reports,
    identity_claims,
    leads_moved,
    dead_letters,
)
"""A value of any topic."""
