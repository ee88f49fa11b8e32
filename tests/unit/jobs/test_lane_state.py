"""Flink's state as mappings, and the clock of a lane."""

from pyflink.datastream.time_domain import TimeDomain

from jobs.operators.lane_clock import LaneClock
from jobs.operators.lane_state import BatchedState, DecodedCache, StateStore
from jobs.operators.write_batch import lane_accounts, lane_bands
from models.due import BUCKET_MS, DueQueue
from tests.unit.jobs.fakes import Backend, FakeContext, FakeMapState


def a_state(entries: dict[str, bytes]) -> FakeMapState:
    return FakeMapState(lambda: entries)


def a_cache(entries: dict[str, bytes], limit: int = 2) -> DecodedCache[list[str]]:
    def decode(data: bytes | None) -> list[str]:
        return [] if data is None else data.decode().split()

    return DecodedCache(a_state(entries), decode, lambda value: " ".join(value).encode(), limit=limit)


def test_what_is_saved_is_in_state_at_once():
    """Written through: a failure loses nothing."""
    entries: dict[str, bytes] = {}
    a_cache(entries).save("ada", ["a", "b"])

    assert {"ada": b"a b"} == entries
    assert ["a", "b"] == a_cache(entries).load("ada")


def test_writes_of_a_batch_are_read_back_before_they_reach_flink_and_reach_it_together():
    """A batch sees what it wrote; state has it all after the flush, and nothing that was dropped."""
    entries = {"old": b"1"}
    batched = BatchedState(a_state(entries))
    batched.put("ada", b"2")
    batched.put("bob", b"3")
    batched.remove("bob")
    batched.remove("old")

    assert ({}, b"2", None, {"ada"}) == (entries, batched.get("ada"), batched.get("bob"), set(batched.keys()))
    batched.flush()
    assert {"ada": b"2"} == entries
    batched.flush()
    assert {"ada": b"2"} == entries


def test_a_value_at_hand_is_the_same_object():
    """Decoded once."""
    cache, value = a_cache({}), ["a"]
    cache.save("ada", value)

    assert value is cache.load("ada")


def test_a_full_cache_drops_the_one_saved_the_longest_time_ago():
    """It is read from state again when it is wanted."""
    entries: dict[str, bytes] = {}
    cache, values = a_cache(entries), {name: [name] for name in ("ada", "bob", "eve")}
    for name in ("ada", "bob", "ada", "eve"):
        cache.save(name, values[name])

    assert [True, False, True] == [cache.load(name) is values[name] for name in values]
    assert values == {name: cache.load(name) for name in values}


def test_what_is_forgotten_is_gone():
    """From state, and from what was at hand."""
    entries: dict[str, bytes] = {}
    cache = a_cache(entries)
    cache.save("ada", ["a"])
    cache.forget("ada")

    assert ({}, [], []) == (entries, cache.load("ada"), list(cache.keys()))


def test_a_due_store_is_a_map_state():
    """Read, write, delete, keys."""
    store = StateStore(a_state({}), limit=2)
    store.write("1:0", b"ada")
    before = (store.read("1:0"), list(store.keys()))
    store.delete("1:0")

    assert ((b"ada", ["1:0"]), None) == (before, store.read("1:0"))


def test_bands_are_a_mapping_of_ranks():
    """With all that a mapping can do, negative ranks too."""
    bands = lane_bands(a_state({}), limit=1)
    bands.update({"acme|ada": 4, "acme|bob": -2})
    before = dict(bands)
    del bands["acme|ada"]

    assert ({"acme|ada": 4, "acme|bob": -2}, None, 1) == (before, bands.get("acme|ada"), len(bands))


def test_accounts_are_a_mapping_of_texts():
    """Of any letters, kept when what was decoded is gone."""
    state = a_state({})
    lane_accounts(state, limit=1).update({"acme|ada": "Übermut GmbH", "acme|bob": "7"})

    assert {"acme|ada": "Übermut GmbH", "acme|bob": "7"} == dict(lane_accounts(state, limit=1))


def test_a_lane_asks_once_for_each_due():
    """And again when another due is the next; not before event time is known."""
    backend, clock = Backend(), LaneClock()
    queue, timers = DueQueue(StateStore(a_state({}), limit=2)), FakeContext(backend)
    asked = []
    for watermark, due in ((-1, {}), (-1, {3 * BUCKET_MS: ["ada"]}), (1, {}), (1, {}), (1, {2 * BUCKET_MS: ["bob"]})):
        backend.watermark = watermark
        queue.add(due)
        clock.wind(0, queue, timers)
        asked.append(sorted(at for domain, _, at in backend.timers if domain is TimeDomain.EVENT_TIME))
        backend.timers.clear()

    assert [[], [], [3 * BUCKET_MS], [], [2 * BUCKET_MS]] == asked


def test_a_clock_that_settles_asks_for_a_second_more():
    """Of processing time."""
    backend = Backend()
    LaneClock().settle(FakeContext(backend))

    assert {(TimeDomain.PROCESSING_TIME, 0, 1_000)} == backend.timers
