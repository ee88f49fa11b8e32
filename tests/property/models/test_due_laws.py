"""Laws of the due queue: every key once, never early, and nothing is lost when it begins again."""

from hypothesis import given
from hypothesis import strategies as st

from models.due import BUCKET_MS, DueQueue, bucket_of
from models.replay import DictStore

keys = st.sampled_from([f"acme|{name}" for name in ("ada", "bob", "eve|x", "Zoë", "")])
adds = st.dictionaries(st.integers(1, 12).map(lambda n: n * BUCKET_MS), st.lists(keys, min_size=1, max_size=4), max_size=4)
steps = st.lists(st.one_of(adds, st.integers(0, 13 * BUCKET_MS), st.none()), max_size=20)
"""What happens to a queue: keys are added, time passes, or it begins again from its store (None)."""


@given(steps)
def test_every_key_comes_out_once_per_bucket_and_never_early(happens: list[dict[int, list[str]] | int | None]):
    """Whatever is added, taken and restarted in between, the queue is a set of keys for each bucket."""
    store = DictStore()
    queue, expected = DueQueue(store), dict[int, set[str]]()
    for step in happens:
        if step is None:
            queue = DueQueue(store)
        elif isinstance(step, int):
            over = [expected.pop(bucket) for bucket in sorted(expected) if bucket <= step]
            taken = queue.take(step)
            assert sorted(set().union(*over)) == sorted(taken)
        else:
            queue.add(step)
            for bucket, due in step.items():
                expected.setdefault(bucket, set()).update(due)
        assert min(expected, default=None) == queue.next_due()


@given(st.lists(adds, max_size=5))
def test_nothing_is_left_in_the_store(added: list[dict[int, list[str]]]):
    """A queue that is drained costs nothing."""
    store = DictStore()
    queue = DueQueue(store)
    for due in added:
        queue.add(due)
    queue.take(99 * BUCKET_MS)

    assert ({}, []) == (store, queue.take(99 * BUCKET_MS))


@given(st.integers(0, 2**50))
def test_a_bucket_ends_at_or_after_its_instants(due_at: int):
    """A due is late by less than ten minutes, and never early."""
    assert 0 <= bucket_of(due_at) - due_at < BUCKET_MS
    assert 0 == bucket_of(due_at) % BUCKET_MS
