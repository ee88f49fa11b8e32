"""Identity depends on what was seen, never on the order, the number of times, or the parts in which it came."""

from collections.abc import Callable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from models.identity.graph import IdentityGraph
from models.identity.kinds import DEVICE, EMAIL, LEAD, PHONE, USER, lead_named_by, node, order
from models.identity.known import Known, Parting
from models.identity.sighting import Sighting

KINDS = (LEAD, USER, "crm.hubspot", "crm.salesforce", EMAIL, PHONE)
NAMES = st.sampled_from("abcd")
AT = st.integers(1_000, 1_020)
Limit = Callable[[str, str], int]
SOME = settings(max_examples=50)
Step = Sighting | tuple[str, str, Parting]


@st.composite
def sightings(draw: st.DrawFn) -> Sighting:
    """A sighting among few names, so that they meet often: people of up to four kinds, sometimes a device, a role or an alias."""
    kinds = draw(st.lists(st.sampled_from(KINDS), max_size=4, unique=True))
    people = tuple(sorted((node(kind, draw(NAMES)) for kind in kinds), key=order))
    devices = (node(DEVICE, draw(NAMES)),) if draw(st.booleans()) or not people else ()
    emails = tuple(person for person in people if person == node(EMAIL, "a"))
    alias = (node(USER, draw(NAMES)), node(USER, draw(NAMES))) if draw(st.integers(0, 5)) == 0 else None
    return Sighting(draw(AT), people, devices, emails, alias)


@st.composite
def partings(draw: st.DrawFn) -> tuple[str, str, Parting]:
    """An operator's word on two identifiers."""
    one, other = (node(draw(st.sampled_from((*KINDS, DEVICE))), draw(NAMES)) for _ in range(2))
    return one, other, Parting(draw(AT), draw(NAMES), draw(st.booleans()))


STEPS = st.lists(st.one_of(sightings(), sightings(), sightings(), partings()), min_size=4, max_size=40)


def small_limit(_: str, other: str) -> int:
    """So small that many identifiers are shared."""
    return 1 if other == USER else 2


def run(steps: Sequence[Step], store: dict[str, Known] | None = None, *, limit: Limit = small_limit) -> dict[str, Known]:
    store = {} if store is None else store
    graph = IdentityGraph(store, limit=limit)
    for step in steps:
        if isinstance(step, Sighting):
            graph.observe(step)
        else:
            graph.part(*step)
    return store


def encoded(store: dict[str, Known]) -> dict[str, bytes]:
    return {identifier: known.to_bytes() for identifier, known in store.items()}


@settings(max_examples=200)
@given(STEPS, st.data())
def test_any_order_gives_the_same_people(steps: list[Step], data: st.DataObject):
    """Permuted, the same sightings and partings leave the same knowledge of every identifier, its lead included."""
    permuted = data.draw(st.permutations(steps))

    assert encoded(run(steps)) == encoded(run(permuted))


@SOME
@given(STEPS, st.data())
def test_what_comes_again_changes_nothing(steps: list[Step], data: st.DataObject):
    """A log of which any part is delivered again leaves the same knowledge."""
    again = data.draw(st.lists(st.sampled_from(steps), max_size=10)) if steps else []

    assert encoded(run(steps)) == encoded(run([*steps, *again]))


@SOME
@given(STEPS, st.integers(0, 40))
def test_state_that_is_restored_goes_on_as_if_nothing_had_happened(steps: list[Step], cut: int):
    """Encoded and decoded in mid-log, the graph ends as if it had run through."""
    restored = {identifier: Known.from_bytes(known.to_bytes()) for identifier, known in run(steps[:cut]).items()}

    assert encoded(run(steps)) == encoded(run(steps[cut:], restored))


@SOME
@given(STEPS)
def test_leads_are_those_of_a_graph_drawn_anew(steps: list[Step]):
    """Every lead that was kept up step by step is the one that its identifiers' ties give when all of them are followed at the end."""
    store = run(steps)
    graph = IdentityGraph(store, limit=small_limit)
    expected = {identifier: min(graph._person_of(identifier), key=order) for identifier in store}

    assert expected == {identifier: known.lead for identifier, known in store.items()}


@SOME
@given(STEPS)
def test_what_moved_is_all_that_moved(steps: list[Step]):
    """Following every move from an identifier's own lead gives the lead that it has."""
    store: dict[str, Known] = {}
    graph = IdentityGraph(store, limit=small_limit)
    leads: dict[str, str] = {}
    for step in steps:
        moved = graph.observe(step) if isinstance(step, Sighting) else graph.part(*step)
        for identifier, before, lead in moved:
            assert before == leads.get(identifier, lead_named_by(identifier))
            leads[identifier] = lead

    assert {identifier: graph.lead_of(identifier) for identifier in leads} == leads
    assert all(graph.lead_of(identifier) == lead_named_by(identifier) for identifier in store.keys() - leads.keys())


@SOME
@given(STEPS)
def test_a_device_or_a_phone_never_joins_two_people(steps: list[Step]):
    """Whatever was seen, it hangs on one other identifier at most, and nothing hangs on it."""
    store = run(steps)
    graph = IdentityGraph(store, limit=small_limit)
    attaching = [identifier for identifier in store if identifier.startswith((f"{PHONE}:", f"{DEVICE}:"))]

    assert all(len(set(graph._neighbours(identifier))) <= 1 for identifier in attaching)
