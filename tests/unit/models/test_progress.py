"""What of an example is new."""

import msgpack
import pytest

from models.progress import KEPT_MS, LeadProgress, Progress
from models.replay import DictStore
from schemas.errors import FatalError
from schemas.example import MaturedExample
from schemas.ids import Millis
from tests.builders import MONDAY, TENANT, later


def labels(
    first: int, last: int, *, sequence: int = 1, lead: str = "ada", as_of: Millis = MONDAY, is_final: bool = False, tenant: str = TENANT
) -> MaturedExample:
    """Labels of a point's intervals."""
    matured_at = later(as_of, days=1 + last)
    return MaturedExample(tenant, lead, f"e{sequence}", sequence, as_of, matured_at, first, last, False, is_final, 0.1, [0.1] * 5, 1, b"")


def test_a_repeat_holds_nothing_new():
    """Whether in the same batch or in a later one."""
    progress, example = Progress(DictStore()), labels(0, 0)

    assert [[example], [], []] == [progress.unlearned(batch) for batch in ([example, example], [example], [example])]


def test_of_an_example_that_goes_further_the_rest_is_new():
    """After a failure time may have gone on, and one example says what two said before, and more."""
    progress = Progress(DictStore())
    progress.unlearned([labels(0, 0), labels(1, 1)])

    assert [labels(2, 4, is_final=True)] == progress.unlearned([labels(0, 4, is_final=True)])
    assert [] == progress.unlearned([labels(1, 4, is_final=True)])


def test_leads_and_tenants_are_told_apart():
    """Also where a separator in an id makes their keys alike."""
    examples = [labels(0, 0, lead=lead, tenant=tenant) for tenant in (TENANT, "globex") for lead in ("ada", "a|b", "1|b", "b")]

    assert examples == Progress(DictStore()).unlearned(examples)


def test_a_lead_that_is_numbered_from_one_again_is_learned():
    """It was silent for so long that the jobs forgot it."""
    progress = Progress(DictStore())
    progress.unlearned([labels(0, 4, sequence=9)])
    again = labels(0, 0, sequence=1, as_of=Millis(MONDAY + KEPT_MS))

    assert ([again], []) == (progress.unlearned([again]), progress.unlearned([again]))


def test_progress_goes_on_after_a_restart_at_the_turn_of_a_generation():
    """Also when the first example after it is of the generation before, as lanes are not in step."""
    store = DictStore()
    turn = Millis((MONDAY // KEPT_MS + 1) * KEPT_MS)
    bob, ada = (labels(0, 0, lead=lead, as_of=at) for lead, at in (("bob", later(turn, days=-9)), ("ada", turn)))
    Progress(store).unlearned([bob, ada])

    assert [] == Progress(store).unlearned([bob, ada])


def test_leads_are_forgotten_after_one_year_and_before_two():
    """Of the tenant's own event time, and only its own leads."""
    store = DictStore()
    progress = Progress(store)
    progress.unlearned([labels(0, 0, lead="bob", tenant="globex"), labels(0, 0)])
    kept = []
    for years in (1, 2):
        progress.unlearned([labels(0, 0, lead="eve", as_of=Millis(MONDAY + years * KEPT_MS))])
        kept.append({key.rpartition("|")[2] for key in store})

    assert [{"ada", "bob", "eve"}, {"bob", "eve"}] == kept


def test_progress_of_another_version_is_refused():
    """A newer release's state is not guessed at."""
    with pytest.raises(FatalError, match="version 9"):
        LeadProgress.from_bytes(msgpack.packb([9, 0, []]))
