"""Laws of learning once: whatever is published again after failures, each label is learned once."""

from collections.abc import Sequence
from copy import deepcopy
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from models.progress import Progress
from models.replay import DictStore
from schemas.example import MaturedExample
from schemas.policy import TenantPolicy
from tests.lane import Lane, Record, in_batches, labels_of
from tests.property.models.stories import cuts, once, played, policies, stories


def published(records: Sequence[Record], policy: TenantPolicy, parts: Sequence[int], crashes: Sequence[tuple[int, int]]) -> list[MaturedExample]:
    """All examples of a lane that fails: at each crash (batches since the checkpoint, another cut) it falls back and takes its input again."""
    lane, rest, examples = Lane(policy=policy), list(records), []
    for length, cut in [*crashes, (len(records), 0)]:
        checkpoint = deepcopy(lane)
        took(lane, rest, parts, length)
        examples += lane.examples
        lane = checkpoint
        lane.restart()
        lane.examples = []
        rest_after = took(lane, rest, [cut], length)
        examples += lane.examples
        lane.examples = []
        rest = rest_after
    lane.advance()
    return examples + lane.examples


def took(lane: Lane, records: Sequence[Record], parts: Sequence[int], length: int) -> list[Record]:
    """The lane takes so many records, and what event time has made known after each batch; gives the rest."""
    batches = in_batches(records[:length], parts)
    clocks = [min(record.received_at for record in batch) - 1 for batch in (*batches[1:], records[length:]) if batch]
    for number, batch in enumerate(batches):
        lane.take(batch)
        if number < len(clocks):
            lane.advance(clocks[number])
    return list(records[length:])


crashes = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 12)), max_size=3)


@given(stories(), once, cuts, crashes, cuts)
def test_each_label_is_learned_once_whatever_failed(
    records: list[Record], policy: TenantPolicy, parts: list[int], failed: list[tuple[int, int]], batches: list[int]
):
    """The labels learned of a stream with repeats, in other cuts, are those of the undisturbed one; also where the learner restarts."""
    examples = published(records, policy, parts, failed)
    store, learned = DictStore(), []
    for start, end in pairwise(sorted({0, len(examples), *(cut for cut in batches if cut < len(examples))})):
        learned += Progress(store).unlearned(examples[start:end])

    assert sorted(played(records, policy).labels) == sorted(label for example in learned for label in labels_of(example))


@given(stories(), policies, cuts)
def test_labels_of_an_interval_come_in_order_of_their_sequences(records: list[Record], policy: TenantPolicy, parts: list[int]):
    """What `LeadProgress` rests on: for a lead and an interval no label comes after one of a later point."""
    lane = Lane(policy=policy)
    took(lane, records, parts, len(records))
    lane.advance()
    reached: dict[tuple[str, int], int] = {}
    for label in lane.labels:
        assert reached.get((label.key, label.interval), 0) < label.sequence
        reached[label.key, label.interval] = label.sequence


@given(stories(), policies, cuts)
def test_nothing_is_dropped_where_nothing_failed(records: list[Record], policy: TenantPolicy, parts: list[int]):
    """Every example is as it was published."""
    lane = Lane(policy=policy)
    took(lane, records, parts, len(records))
    lane.advance()

    assert lane.examples == Progress(DictStore()).unlearned(lane.examples)
