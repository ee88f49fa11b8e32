from collections import Counter
from collections.abc import Sequence
from typing import NoReturn

from cassandra.query import UNSET_VALUE
from hypothesis import given
from hypothesis import strategies as st

from connectors.cassandra import plan as planning
from connectors.cassandra.admission import Storable
from connectors.cassandra.plan import Plan, plan
from connectors.cassandra.ranking import CLOSED_FOR_MS, place_of, rank_of
from connectors.cassandra.timestamps import profile_timestamp
from infra.retention import POLICY
from schemas.enriched import EnrichedEvent
from schemas.event import LEAD_MOVED, PROFILE_UPDATED, Person
from schemas.policy import DAY_MS
from schemas.score import LeadScore
from tests.builders import FRIDAY, MONDAY, TENANT, TUESDAY, later, lost, reopened, won
from tests.results import a_metric, a_model, a_score, an_enriched

KEY = f"{TENANT}|ada"


def _queries(planned: Plan) -> Counter[str]:
    return Counter(write.query for writes in planned.writes.values() for write in writes)


def test_an_event_and_its_score_of_one_month_travel_together():
    """Two tables share a partition key, so the event and the history row are one request."""
    planned = plan([an_enriched(at=MONDAY), a_score(at=MONDAY)], {})

    assert {planning.INSERT_EVENT, planning.INSERT_HISTORY} == {w.query for w in planned.writes[TENANT, "ada", 202603]}


def test_only_the_last_score_of_a_batch_is_the_current_one():
    """History has every score; the current score and the rank are written once."""
    planned = plan([a_score(sequence=n, propensity=0.4) for n in (2, 3, 1)], {})

    assert (3, 1, 1) == tuple(_queries(planned)[q] for q in (planning.INSERT_HISTORY, planning.INSERT_SCORE, planning.INSERT_RANK))
    assert {KEY: rank_of(a_score(sequence=3, propensity=0.4))} == planned.ranks


def test_a_lead_that_stays_in_its_band_leaves_no_tombstone():
    """The row is overwritten in place."""
    before = rank_of(a_score(sequence=1, propensity=0.40))

    planned = plan([a_score(sequence=2, propensity=0.401)], {KEY: before})

    assert 0 == _queries(planned)[planning.DELETE_RANK]


def test_a_lead_that_moves_leaves_its_old_band():
    """The old row is deleted as of the new score, so that only what is older goes."""
    before, now = rank_of(a_score(sequence=1, propensity=0.1)), a_score(sequence=2, propensity=0.9)

    planned = plan([now], {KEY: before})

    deletes = [w for writes in planned.writes.values() for w in writes if w.query == planning.DELETE_RANK]
    assert [(rank_of(now), TENANT, *place_of(before), "ada")] == [w.parameters for w in deletes]


def test_a_score_that_comes_late_does_not_move_the_lead():
    """A repeat of an old score leaves the ranking as it is."""
    before = rank_of(a_score(sequence=9, propensity=0.9))

    planned = plan([a_score(sequence=1, propensity=0.1)], {KEY: before})

    assert 0 == _queries(planned)[planning.INSERT_RANK]
    assert {} == planned.ranks


def test_bands_passed_through_within_a_batch_are_left():
    """Before a crash smaller batches may have written them."""
    scores = [a_score(sequence=n, propensity=p) for n, p in ((1, 0.1), (2, 0.5), (3, 0.9))]

    assert 2 == _queries(plan(scores, {}))[planning.DELETE_RANK]


def test_a_band_is_entered_once():
    """The index of bands is written by the first lead that comes, not by every one."""
    first = plan([a_score("ada"), a_score("bob")], {})
    second = plan([a_score("cleo")], {}, first.places)

    assert (1, 0) == (_queries(first)[planning.INSERT_BAND], _queries(second)[planning.INSERT_BAND])


def test_a_profile_update_is_no_event_of_the_lead():
    """Traits go to the profile; the lead's events and the days it was seen are those of its own deeds."""
    planned = plan([an_enriched(type=PROFILE_UPDATED, texts={"industry": "retail"}, numbers={}, profile_texts={"industry": "retail"})], {})

    assert {planning.INSERT_TRAITS: 1, planning.INSERT_TRAIT: 1} == _queries(planned)


def test_who_a_person_is_goes_to_the_profile_only():
    """An address is in one statement, of the one table that names persons."""
    planned = plan([an_enriched(person=Person(email="pat@example.com"))], {})

    holding = {w.query for writes in planned.writes.values() for w in writes if "pat@example.com" in map(str, w.parameters)}
    assert {planning.INSERT_PERSON} == holding


def test_each_kind_has_its_rows():
    """Outcomes, metrics and models are rows of their own, and a model's payload stays out."""
    planned = plan([won(), a_metric(), a_model()], {})

    expected = dict.fromkeys((planning.INSERT_OUTCOME, planning.INSERT_METRIC, planning.INSERT_FIRST_METRIC, planning.INSERT_METRIC_HISTORY), 1)
    assert expected | {planning.INSERT_MODEL: 1} == _queries(planned)
    assert b"0123456789" not in [p for writes in planned.writes.values() for w in writes for p in w.parameters]


def test_the_earliest_of_a_batch_is_the_first_and_the_latest_the_last_seen():
    """Order within the batch does not matter."""
    planned = plan([an_enriched(at=at) for at in (TUESDAY, FRIDAY, MONDAY)], {})

    seen = {w.query: w.parameters[2] for w in planned.writes[TENANT, "ada"]}
    assert {planning.INSERT_FIRST_SEEN: MONDAY, planning.INSERT_LAST_SEEN: FRIDAY} == seen


def test_what_the_last_event_consents_to_is_written_with_it():
    """A statement less for each lead of a batch; consent that an earlier event stated keeps that event's time."""
    stated, silent = an_enriched(at=TUESDAY, consent={"profiling": True}), an_enriched(at=FRIDAY)

    def consents(*events: EnrichedEvent) -> dict[str, object]:
        return {w.query: w.parameters for writes in plan(events, {}).writes.values() for w in writes if {"profiling": True} in w.parameters}

    assert {planning.INSERT_LAST_SEEN: ("acme", "ada", TUESDAY, UNSET_VALUE, {"profiling": True}, profile_timestamp(stated))} == consents(stated)
    assert {planning.INSERT_CONSENT: ("acme", "ada", {"profiling": True}, profile_timestamp(stated))} == consents(stated, silent)


SAID = [
    an_enriched(at=at, sequence=n, type=PROFILE_UPDATED, source=source, texts=texts, numbers=numbers)
    for n, (at, source, texts, numbers) in enumerate(
        [
            (TUESDAY, "hubspot", {"industry": "retail", "size": "large"}, {}),
            (MONDAY, "website", {"industry": "it"}, {"seats": 3.0}),
            (FRIDAY, "file", {}, {"size": 40.0}),
            (FRIDAY, "website", {"plan": "pro"}, {"size": 41.0}),
        ],
        start=1,
    )
]


@given(st.permutations(SAID), st.data())
def test_of_each_trait_the_row_says_who_said_it_last(events, data):
    """In any order, with any repeats and however cut: value, source and instant are of one event, the latest, and of two the one told last."""
    rest = events + data.draw(st.lists(st.sampled_from(events), max_size=4))
    rows: dict[str, tuple[int, tuple[object, ...]]] = {}
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        batch, rest = rest[:size], rest[size:]
        for write in (w for writes in plan(batch, {}).writes.values() for w in writes if w.query == planning.INSERT_TRAIT):
            _, _, trait, *row, at = write.parameters
            rows[trait] = max(rows.get(trait, (0, ())), (at, tuple(row)))

    assert {
        "industry": (("retail", None), "hubspot", TUESDAY),
        "plan": (("pro", None), "website", FRIDAY),
        "seats": ((None, 3.0), "website", MONDAY),
        "size": ((None, 41.0), "website", FRIDAY),
    } == {trait: row for trait, (_, row) in rows.items()}


def test_a_trait_whose_name_no_table_holds_is_in_the_profile_only():
    """It stops nothing."""
    planned = plan([an_enriched(type=PROFILE_UPDATED, texts={"x" * 70_000: "1", "plan": "pro"}, numbers={})], {})

    assert 1 == _queries(planned)[planning.INSERT_TRAIT]


class Rows:
    """`leads_by_band` and `leads_by_account` as Cassandra would hold them.

    Of each row the write with the highest timestamp, and of equal ones the deletion.
    """

    def __init__(self) -> None:
        self._cells: dict[tuple[object, ...], tuple[int, bool]] = {}
        self._in_accounts: dict[tuple[object, ...], tuple[int, bool]] = {}
        self.bands: dict[str, int] = {}
        self.accounts: dict[str, str] = {}

    def state(self) -> tuple[dict[str, int], dict[str, str]]:
        """What a checkpoint holds."""
        return dict(self.bands), dict(self.accounts)

    def restore(self, state: tuple[dict[str, int], dict[str, str]]) -> None:
        self.bands, self.accounts = state

    def take(self, batch: Sequence[Storable], *, repeatable: frozenset[str] = frozenset()) -> None:
        planned = plan(batch, self.bands, accounts=self.accounts, repeatable=repeatable)
        for write in (w for writes in planned.writes.values() for w in writes):
            if write.query == planning.INSERT_RANK:
                *where, _, _, at = write.parameters
                self._apply(self._cells, where, (at, False))
            elif write.query == planning.DELETE_RANK:
                at, *where = write.parameters
                self._apply(self._cells, where, (at, True))
            elif write.query == planning.INSERT_IN_ACCOUNT:
                *where, _, _, _, at = write.parameters
                self._apply(self._in_accounts, where, (at, False))
            elif write.query == planning.DELETE_FROM_ACCOUNT:
                at, *where = write.parameters
                self._apply(self._in_accounts, where, (at, True))
        self.bands |= planned.ranks
        self.accounts |= planned.accounts

    @staticmethod
    def _apply(cells: dict[tuple[object, ...], tuple[int, bool]], where: list[object], cell: tuple[int, bool]) -> None:
        cells[tuple(where)] = max(cells.get(tuple(where), (0, False)), cell)

    @property
    def live(self) -> dict[tuple[object, ...], int]:
        """Row → its timestamp."""
        return {where: at for where, (at, is_deleted) in self._cells.items() if not is_deleted}

    @property
    def in_accounts(self) -> set[tuple[object, ...]]:
        """Tenant, account and lead of each row."""
        return {where for where, (_, is_deleted) in self._in_accounts.items() if not is_deleted}


def _taken(rows: Rows, values: list[Storable], data: st.DataObject, *, repeatable: frozenset[str] = frozenset()) -> None:
    """The values with some repeats, cut into batches anyhow; perhaps the state falls back in the midst of one, which is taken again as a whole."""
    rest = values + data.draw(st.lists(st.sampled_from(values), max_size=5))
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        batch, rest = rest[:size], rest[size:]
        checkpoint = rows.state()
        crashed_after = data.draw(st.none() | st.integers(0, size))
        for value in batch[:crashed_after]:
            rows.take([value], repeatable=repeatable)
        if crashed_after is not None:
            rows.restore(checkpoint)
            rows.take(batch, repeatable=repeatable)


STORY = [a_score(sequence=n, propensity=p) for n, p in enumerate((0.1, 0.5, 0.9, 0.5, 0.2), start=1)]
LAST = rank_of(STORY[-1])
RANKED = {(TENANT, *place_of(LAST), "ada"): LAST}


@given(st.permutations(STORY), st.data())
def test_any_order_any_repeat_and_any_cut_into_batches_ends_with_one_rank(scores, data):
    """Applying all writes by timestamp leaves the lead in the band of its last score, and nowhere else."""
    rows = Rows()
    _taken(rows, scores, data)

    assert RANKED == rows.live


@given(st.permutations([*STORY, won(at=MONDAY), lost(at=TUESDAY)]), st.data())
def test_a_lead_that_was_won_or_lost_is_ranked_no_more(records, data):
    """Whatever came first, the outcome or the scores, and also where scores were given after it because it was heard of too late."""
    rows = Rows()
    _taken(rows, records, data)

    assert {} == rows.live


@given(st.permutations([*STORY, won(at=later(MONDAY, seconds=-1)), lost(at=later(MONDAY, days=-9))]), st.data())
def test_a_later_score_ranks_a_lead_that_may_convert_again(records, data):
    """In any order, if the tenant's leads may; a score as of the outcome or before it does not."""
    rows, closed = Rows(), Rows()
    _taken(rows, records, data, repeatable=frozenset({TENANT}))
    _taken(closed, [*records, won(at=STORY[-1].as_of)], data, repeatable=frozenset({TENANT}))

    assert (RANKED, {}) == (rows.live, closed.live)


REOPENED_STORY = [
    STORY[0],
    won(at=STORY[1].as_of),
    reopened(at=STORY[2].as_of),
    STORY[3],
    lost(at=STORY[3].as_of),
    reopened(at=later(MONDAY, minutes=4.5)),
]


@given(st.data(), st.booleans())
def test_a_lead_that_was_reopened_is_ranked_by_its_next_score(data, is_repeatable):
    """However often, however the stream is cut and read again; and is closed again by what comes later. A repeat of the reopening changes nothing."""
    again, closed = Rows(), Rows()
    tenants = frozenset({TENANT} if is_repeatable else ())
    for rows, more in ((again, [STORY[4]]), (closed, [STORY[4], won(at=FRIDAY), reopened(at=STORY[2].as_of)])):
        _in_order(rows, [*REOPENED_STORY, *more], data, repeatable=tenants)

    assert ([place_of(LAST)], {}) == ([(where[1], where[2]) for where in again.live], closed.live)


def _in_order(rows: Rows, values: list[Storable], data: st.DataObject, *, repeatable: frozenset[str]) -> None:
    """As Kafka keeps a lead's outcomes, cut anyhow; a batch may be taken twice from the state before it."""
    rest = values
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        batch, rest = rest[:size], rest[size:]
        checkpoint = rows.state()
        rows.take(batch, repeatable=repeatable)
        if data.draw(st.booleans()):
            rows.restore(checkpoint)
            rows.take(batch, repeatable=repeatable)


EMPLOYED = [score._replace(account_id=account) for score, account in zip(STORY, (None, "lovelace", "babbage", "lovelace", "menabrea"), strict=True)]


@given(st.permutations(EMPLOYED), st.data())
def test_a_lead_stands_in_the_list_of_one_account(scores, data):
    """That which its last score names; of every other it is out, in any order, whatever comes again and however the stream is cut."""
    rows = Rows()
    _taken(rows, scores, data)

    assert ({(TENANT, "menabrea", "ada")}, RANKED) == (rows.in_accounts, rows.live)


@given(st.permutations([*EMPLOYED, won(at=MONDAY), lost(at=TUESDAY)]), st.data())
def test_a_lead_that_was_won_or_lost_is_in_no_account(records, data):
    """It is open no more; an account counts what may still be won."""
    rows = Rows()
    _taken(rows, records, data)

    assert set() == rows.in_accounts


@given(st.permutations([*EMPLOYED, won(at=later(MONDAY, seconds=-1))]), st.data())
def test_a_lead_that_may_convert_again_is_back_in_its_account(records, data):
    """With its first score after the outcome."""
    rows = Rows()
    _taken(rows, records, data, repeatable=frozenset({TENANT}))

    assert {(TENANT, "menabrea", "ada")} == rows.in_accounts


MOVED = an_enriched(at=FRIDAY, type=LEAD_MOVED, texts={"to": "bob", "before": "ada", "memory_from": "ada"}, numbers={"number": 1.0, "is_nobody": 0.0})


@given(st.permutations([*EMPLOYED, MOVED]), st.data())
def test_an_id_that_stands_for_another_lead_leaves_its_account(records, data):
    """The lead that it stands for is counted there, once."""
    rows = Rows()
    _taken(rows, records, data)

    assert set() == rows.in_accounts


@given(st.data())
def test_a_lead_that_was_reopened_is_back_in_its_account(data):
    """As it is back in the ranking."""
    rows = Rows()
    story = [r._replace(account_id="lovelace") if isinstance(r, LeadScore) else r for r in (*REOPENED_STORY, STORY[4])]
    _in_order(rows, story, data, repeatable=frozenset())

    assert {(TENANT, "lovelace", "ada")} == rows.in_accounts


class Never(dict[str, str]):
    """Accounts that must not be asked for."""

    def get(self, *asked: object) -> NoReturn:
        raise AssertionError(asked)


def test_a_lead_without_an_account_costs_nothing():
    """No row, and no look into the state: the writer has no time to spare."""
    planned = plan([*STORY, an_enriched()], {KEY: rank_of(STORY[0])}, accounts=Never())

    assert 0 == _queries(planned)[planning.INSERT_IN_ACCOUNT] + _queries(planned)[planning.DELETE_FROM_ACCOUNT]


def test_an_account_costs_one_row_a_lead_and_batch():
    """Overwritten in place while the lead stays."""
    planned = plan([score._replace(account_id="lovelace") for score in STORY], {KEY: rank_of(STORY[0])}, accounts={KEY: "lovelace"})

    assert (1, 0) == tuple(_queries(planned)[q] for q in (planning.INSERT_IN_ACCOUNT, planning.DELETE_FROM_ACCOUNT))
    assert {} == planned.accounts


def test_a_lead_that_returns_after_it_was_forgotten_is_ranked():
    """The jobs remember a silent lead for a year; what they score then is another story."""
    rows, again = Rows(), a_score(at=later(FRIDAY, days=366))
    rows.take([a_score(), won(at=FRIDAY), again])

    assert [rank_of(again)] == list(rows.live.values())
    assert CLOSED_FOR_MS == POLICY.lead_memory_days * DAY_MS


def test_a_first_score_after_its_outcome_is_still_the_first():
    """Where the history begins is written with it, though the lead had a rank before: that of its outcome."""
    closed = plan([won(at=MONDAY)], {})

    assert 1 == _queries(plan([a_score(at=TUESDAY)], closed.ranks))[planning.INSERT_FIRST_SCORE]


def test_an_id_that_stands_for_another_lead_leaves_the_ranking():
    """Whatever of its scores comes later; only one that is of after the move, as it was parted again, puts it back."""
    moved = an_enriched(
        at=TUESDAY, type=LEAD_MOVED, texts={"to": "bob", "before": "ada", "memory_from": "ada"}, numbers={"number": 1.0, "is_nobody": 0.0}
    )
    late, again = a_score(sequence=4, at=TUESDAY), a_score(sequence=5, at=later(TUESDAY, minutes=1))
    rank = plan([moved], {KEY: rank_of(a_score(at=MONDAY))}).ranks[KEY]
    ignored, back = plan([late], {KEY: rank}), plan([again], {KEY: rank})

    assert place_of(rank) is None
    assert (0, 1) == tuple(_queries(planned)[planning.INSERT_RANK] for planned in (ignored, back))


def test_a_move_says_which_lead_an_id_stands_for():
    """And which ids stand for a lead; it is no event of anybody's."""
    moved = an_enriched(
        at=TUESDAY, type=LEAD_MOVED, texts={"to": "eve", "before": "bob", "memory_from": ""}, numbers={"number": 2.0, "is_nobody": 0.0}
    )
    planned = plan([moved], {})

    assert {planning.INSERT_ALIAS: 1, planning.INSERT_ALIAS_OF: 1, planning.DELETE_ALIAS_OF: 1} == {
        query: count for query, count in _queries(planned).items() if query != planning.DELETE_RANK
    }
    assert {(TENANT, "ada"), (TENANT, "bob"), (TENANT, "eve")} == set(planned.writes)
