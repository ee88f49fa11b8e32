"""What a batch of results means in rows: few statements, grouped by partition. Pure; the writer carries it out.

Statements of one partition travel as one request and are one mutation there, whatever their tables: `events_by_lead` and
`score_history_by_lead` share `(tenant, lead, month)`; scores, profile, outcomes and aliases of a lead share `(tenant, lead)`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from cassandra.query import UNSET_VALUE

from connectors.cassandra.admission import Storable
from connectors.cassandra.months import month_of
from connectors.cassandra.ranking import Place, closing_rank, is_closing, place_of, rank_of, reopened_by
from connectors.cassandra.timestamps import earliest_timestamp_of, profile_timestamp, score_timestamp, write_timestamp_of
from schemas.crm_link import ERASED, LINKED, CrmLink
from schemas.enriched import EnrichedEvent
from schemas.event import LEAD_MOVED, MEMORY_MOVED, PROFILE_MOVED, PROFILE_UPDATED
from schemas.ids import Millis, lead_key, split_lead_key
from schemas.metric import Metric
from schemas.model_snapshot import ModelSnapshot
from schemas.outcome import REOPENED, Outcome
from schemas.override import Override
from schemas.push import DELIVERED, PushReport
from schemas.score import LeadScore

Partition = tuple[Any, ...]
LONGEST_TRAIT = 512
"""Characters of a trait's name that has a row of its own: a longer one is a payload gone astray, and is in the profile only."""
REOPENED_LEAD = "\n"
"""No lead's id holds one."""


class Write(NamedTuple):
    """A statement and its parameters."""

    query: str
    parameters: tuple[Any, ...]


@dataclass(slots=True)
class Plan:
    """All that a batch writes.

    Parameters
    ----------
    writes
        Partition → its statements.
    ranks
        `tenant|lead` → rank, to be remembered once all is acknowledged.
    places
        Bands that this batch enters in `bands_by_tenant`.
    accounts
        `tenant|lead` → the account in whose list it stands from here on, to be remembered as ranks are.
    """

    writes: defaultdict[Partition, list[Write]] = field(default_factory=lambda: defaultdict(list))
    ranks: dict[str, int] = field(default_factory=dict)
    places: set[tuple[str, Place]] = field(default_factory=set)
    accounts: dict[str, str] = field(default_factory=dict)


def _insert(table: str, columns: str) -> str:
    marks = ", ".join("?" for _ in columns.split(", "))
    return f"INSERT INTO {table} ({columns}) VALUES ({marks}) USING TIMESTAMP ?"  # noqa: S608 — names are constants of this module


_WHY = "reasons, reason_values, baseline, rest, evidence, converted_by"
_SCORE = f"event_id, sequence, propensity, grade, {_WHY}, learner, model_version, base_version, feature_digest, scored_at, received_at"
INSERT_SCORE = _insert("scores_by_lead", f"tenant, lead, as_of, {_SCORE}")
INSERT_FIRST_SCORE = _insert("scores_by_lead", "tenant, lead, first_as_of")
INSERT_HISTORY = _insert("score_history_by_lead", f"tenant, lead, month, as_of, {_SCORE}")
INSERT_EVENT = _insert("events_by_lead", "tenant, lead, month, occurred_at, event_id, type, channel, received_at, texts, numbers, context")
INSERT_FIRST_SEEN = _insert("profiles_by_lead", "tenant, lead, first_seen")
INSERT_LAST_SEEN = _insert("profiles_by_lead", "tenant, lead, last_seen, account_id, consent")
INSERT_TRAITS = _insert("profiles_by_lead", "tenant, lead, texts, numbers, account_id")
INSERT_TRAIT = _insert("traits_by_lead", "tenant, lead, trait, value, source, said_at")
INSERT_CONSENT = _insert("profiles_by_lead", "tenant, lead, consent")
INSERT_PERSON = _insert("profiles_by_lead", "tenant, lead, email, phone, name, ip")
INSERT_OUTCOME = _insert("outcomes_by_lead", "tenant, lead, occurred_at, outcome_id, outcome, received_at, amount, source")
INSERT_PUSH = _insert(
    "pushes_by_lead",
    "tenant, lead, crm, as_of, event_id, sequence, propensity, grade, model_version, status, cause, reason, record, attempts, due_since, reported_at",
)
INSERT_LINK = _insert("links_by_lead", "tenant, lead, crm, record, state, changed_at")
INSERT_RECORD = _insert("leads_by_record", "tenant, crm, record, lead, state, changed_at")
DELETE_PERSON = "DELETE email, phone, name, ip FROM profiles_by_lead USING TIMESTAMP ? WHERE tenant = ? AND lead = ?"
_DECIDED = "grade, reason, decided_by, source, expires_at"
INSERT_OVERRIDE = _insert("overrides_by_lead", f"tenant, lead, decided_at, override_id, {_DECIDED}")
INSERT_DECISION = _insert("overrides_by_tenant", f"tenant, month, decided_at, override_id, lead, {_DECIDED}")
INSERT_ALIAS = _insert("leads_by_alias", "tenant, alias, lead, number, moved_at")
INSERT_ALIAS_OF = _insert("aliases_by_lead", "tenant, lead, alias, moved_at")
DELETE_ALIAS_OF = "DELETE FROM aliases_by_lead USING TIMESTAMP ? WHERE tenant = ? AND lead = ? AND alias = ?"
INSERT_METRIC = _insert("metrics_by_tenant", "tenant, name, model, as_of, value, points, model_version")
INSERT_FIRST_METRIC = _insert("metrics_by_tenant", "tenant, name, model, first_as_of")
INSERT_METRIC_HISTORY = _insert("metric_history_by_tenant", "tenant, name, month, as_of, model, value, points, model_version")
INSERT_MODEL = _insert("models_by_tenant", "tenant, version, as_of, learner, examples, labels, payload_bytes, published_at")
INSERT_RANK = _insert("leads_by_band", "tenant, grade, band, lead, propensity, as_of")
DELETE_RANK = "DELETE FROM leads_by_band USING TIMESTAMP ? WHERE tenant = ? AND grade = ? AND band = ? AND lead = ?"
INSERT_IN_ACCOUNT = _insert("leads_by_account", "tenant, account, lead, grade, propensity, as_of")
DELETE_FROM_ACCOUNT = "DELETE FROM leads_by_account USING TIMESTAMP ? WHERE tenant = ? AND account = ? AND lead = ?"
INSERT_BAND = "INSERT INTO bands_by_tenant (tenant, band, grade) VALUES (?, ?, ?)"


def plan(
    values: Iterable[Storable],
    bands: Mapping[str, int],
    known_places: Set[tuple[str, Place]] = frozenset(),
    *,
    accounts: Mapping[str, str] = MappingProxyType({}),
    repeatable: Set[str] = frozenset(),
) -> Plan:
    """The rows of a batch.

    History and events have a row for each value; what is kept once per lead is written once per lead of the batch.

    Parameters
    ----------
    values
        Results in any order, repeats included; each was let in by `admission.check`.
    bands
        `tenant|lead` → the rank last written, which tells the row that a lead leaves; with REOPENED_LEAD behind it, its shift.
    known_places
        Bands that need not be entered again.
    accounts
        `tenant|lead` → the account last written, which tells the list that a lead leaves. Asked only for leads whose scores name an account
        and for those that were won, lost or moved.
    repeatable
        Tenants whose leads may convert again: a score after an outcome puts the lead back into the ranking.
    """
    result = Plan()
    scores: defaultdict[str, list[LeadScore]] = defaultdict(list)
    outcomes: defaultdict[str, list[Outcome]] = defaultdict(list)
    events: defaultdict[str, list[EnrichedEvent]] = defaultdict(list)
    own: list[EnrichedEvent] = []
    for value in values:
        match value:
            case LeadScore():
                scores[lead_key(value.tenant, value.lead)].append(value)
            case EnrichedEvent() if value.type in (LEAD_MOVED, MEMORY_MOVED):
                own.append(value)
            case EnrichedEvent():
                events[lead_key(value.tenant, value.lead)].append(value)
            case Outcome():
                outcomes[lead_key(value.tenant, value.lead)].append(value)
                _add_outcome(result, value)
            case _:
                ADD_ONE[type(value)](result, value)
    for key, of_lead in scores.items():
        before = bands.get(key)
        _add_scores(result, of_lead, is_first=before is None or is_closing(before))
    left = _add_moves(result, own)
    for key in dict.fromkeys((*scores, *outcomes, *left)):
        before, shift = bands.get(key), bands.get(key + REOPENED_LEAD, 0)
        closing, now = _closing(outcomes.get(key, ()), before, shift, repeatable)
        # no score of an id that stands for another lead is of later than its move: one that is, came after it had been parted again
        closing += [closing_rank(Millis(at + now), is_repeatable=True) for at in left.get(key, ())]
        if now != shift:
            result.ranks[key + REOPENED_LEAD] = now
        _add_ranks(result, key, scores.get(key, []), closing, before, known_places, accounts, shift=now)
    for seen in events.values():
        _add_events(result, seen)
        _add_profile(result, seen)
    return result


def _add_moves(result: Plan, events: Iterable[EnrichedEvent]) -> dict[str, list[Millis]]:
    """Which ids stand for which leads; gives those that stand for another one, and when they left.

    What brings a memory is for the jobs alone; and the topic may hold what is no move of theirs.
    """
    left: defaultdict[str, list[Millis]] = defaultdict(list)
    for event in events:
        if event.type == LEAD_MOVED and {"to", "before"} <= event.texts.keys() and "number" in event.numbers:
            _add_move(result, event)
            if event.texts["to"] != event.lead:
                left[lead_key(event.tenant, event.lead)].append(event.occurred_at)
    return left


def _add_move(result: Plan, moved: EnrichedEvent) -> None:
    tenant, name, to, before, number = moved.tenant, moved.lead, moved.texts["to"], moved.texts["before"], int(moved.numbers["number"])
    result.writes[tenant, name].append(Write(INSERT_ALIAS, (tenant, name, to, number, moved.received_at, number)))
    if before not in (name, to):
        result.writes[tenant, before].append(Write(DELETE_ALIAS_OF, (number, tenant, before, name)))
    if to != name:
        result.writes[tenant, to].append(Write(INSERT_ALIAS_OF, (tenant, to, name, moved.received_at, number)))


def _add_scores(result: Plan, scores: list[LeadScore], *, is_first: bool) -> None:
    tenant, lead = scores[0].tenant, scores[0].lead
    rows = {score_timestamp(score): score for score in scores}
    for at, s in rows.items():
        partition = (tenant, lead, month_of(s.as_of))
        result.writes[partition].append(Write(INSERT_HISTORY, (*partition, s.as_of, *_score_columns(s), at)))
    newest = max(rows)
    last = rows[newest]
    result.writes[tenant, lead].append(Write(INSERT_SCORE, (tenant, lead, last.as_of, *_score_columns(last), newest)))
    if is_first:  # `as_of` of a lead never goes back, so a lead that has a score's rank has its first one too
        first = min(s.as_of for s in scores)
        result.writes[tenant, lead].append(Write(INSERT_FIRST_SCORE, (tenant, lead, first, earliest_timestamp_of(first))))


def _score_columns(s: LeadScore) -> tuple[Any, ...]:
    why = (s.reasons, s.reason_values, s.baseline, s.rest, s.evidence, s.converted_by)
    by_whom = (s.learner, s.model_version, s.base_version)
    return (s.event_id, s.sequence, s.propensity, s.grade, *why, *by_whom, s.feature_digest, s.scored_at, s.received_at)


def _closing(outcomes: Iterable[Outcome], before: int | None, shift: int, repeatable: Set[str]) -> tuple[list[int], int]:
    """The ranks of a lead's outcomes, and how much later its scores are ranked (`ranking.reopened_by`)."""
    ranks: list[int] = []
    last = before
    for o in sorted(outcomes, key=lambda o: (o.occurred_at, o.outcome != REOPENED)):
        is_repeatable = o.tenant in repeatable
        if o.outcome != REOPENED:
            ranks.append(closing_rank(Millis(o.occurred_at + shift), is_repeatable=is_repeatable))
            last = max(ranks[-1], last or 0)
        elif last is not None and is_closing(last):
            shift = reopened_by(last, shift, o.occurred_at, is_repeatable=is_repeatable)
    return ranks, shift


def _add_ranks(
    result: Plan,
    key: str,
    scores: list[LeadScore],
    closing: list[int],
    before: int | None,
    known_places: Set[tuple[str, Place]],
    accounts: Mapping[str, str],
    *,
    shift: int,
) -> None:
    """Write the greatest rank, if it has a row, and leave every other place.

    Places that were only passed through within the batch are left too: before a crash they may have been written by
    smaller batches, which the state that was restored knows nothing of.
    """
    tenant, lead = split_lead_key(key)
    by_rank = {rank_of(score._replace(as_of=Millis(score.as_of + shift)) if shift else score): score for score in scores}
    ranks = {*by_rank, *closing} | ({before} if before is not None else set())
    rank = max(ranks)
    place = place_of(rank)
    for other in {place_of(r) for r in ranks} - {place, None}:
        assert other is not None
        result.writes[tenant, *other].append(Write(DELETE_RANK, (rank, tenant, *other, lead)))
    if rank == before and rank not in by_rank:
        return
    result.ranks[key] = rank
    _add_account(result, key, rank, by_rank, accounts)
    if place is not None:
        score = by_rank[rank]
        result.writes[tenant, *place].append(Write(INSERT_RANK, (tenant, *place, lead, score.propensity, score.as_of, rank)))
        if (tenant, place) not in known_places and (tenant, place) not in result.places:
            result.places.add((tenant, place))
            result.writes[(tenant,)].append(Write(INSERT_BAND, (tenant, place.band, place.grade)))


def _add_account(result: Plan, key: str, rank: int, by_rank: Mapping[int, LeadScore], accounts: Mapping[str, str]) -> None:
    """Put the lead into the list of the account that its greatest rank names, and out of every other; a closing rank names none.

    Those that were only passed through within the batch are left too, as with bands. Where the greatest rank was there before this batch
    there is nothing to do: no smaller batch ever wrote what comes behind it.
    """
    named, last = {score.account_id for score in by_rank.values()} - {None}, by_rank.get(rank)
    if last is not None and not named:
        return  # once known, an account stays: so a lead without one was never in a list, and nothing is looked up
    (tenant, lead), before, now = split_lead_key(key), accounts.get(key), last and last.account_id
    for other in (named | {before}) - {now, None}:
        result.writes[tenant, other].append(Write(DELETE_FROM_ACCOUNT, (rank, tenant, other, lead)))
    if last is not None and now is not None:
        row = (tenant, now, lead, last.grade, last.propensity, last.as_of, rank)
        result.writes[tenant, now].append(Write(INSERT_IN_ACCOUNT, row))
        if now != before:
            result.accounts[key] = now


def _add_events(result: Plan, events: list[EnrichedEvent]) -> None:
    for e in events:
        if e.type not in (PROFILE_UPDATED, PROFILE_MOVED):
            partition = (e.tenant, e.lead, month_of(e.occurred_at))
            columns = (e.occurred_at, e.event_id, e.type, e.channel, e.received_at, e.texts, e.numbers, e.context)
            result.writes[partition].append(Write(INSERT_EVENT, (*partition, *columns, write_timestamp_of(e.occurred_at))))


def _add_profile(result: Plan, events: list[EnrichedEvent]) -> None:
    tenant, lead = events[0].tenant, events[0].lead
    writes = result.writes[tenant, lead]
    activity = [e for e in events if e.type not in (PROFILE_UPDATED, PROFILE_MOVED)]
    last = max(activity, key=profile_timestamp, default=None)
    consenting = max((e for e in events if e.consent), key=profile_timestamp, default=None)
    if last is not None:
        first = min(e.occurred_at for e in activity)
        account = UNSET_VALUE if last.account_id is None else last.account_id
        consent = last.consent if last is consenting else UNSET_VALUE
        writes.append(Write(INSERT_FIRST_SEEN, (tenant, lead, first, earliest_timestamp_of(first))))
        writes.append(Write(INSERT_LAST_SEEN, (tenant, lead, last.occurred_at, account, consent, profile_timestamp(last))))
    if len(activity) < len(events):
        update = max((e for e in events if e.type in (PROFILE_UPDATED, PROFILE_MOVED)), key=profile_timestamp)
        account = UNSET_VALUE if update.account_id is None else update.account_id
        traits = (update.profile_texts, update.profile_numbers, account, profile_timestamp(update))
        writes.append(Write(INSERT_TRAITS, (tenant, lead, *traits)))
        _add_traits(writes, events)
    if consenting is not None and consenting is not last:
        writes.append(Write(INSERT_CONSENT, (tenant, lead, consenting.consent, profile_timestamp(consenting))))
    for e in events:
        if e.person is not None:
            known = tuple(UNSET_VALUE if v is None else v for v in (e.person.email, e.person.phone, e.person.name, e.person.ip))
            writes.append(Write(INSERT_PERSON, (tenant, lead, *known, profile_timestamp(e))))


def _add_traits(writes: list[Write], events: Iterable[EnrichedEvent]) -> None:
    """A row for each trait that is told. What another id knew is in that id's rows, which are the lead's story too."""
    told = {name: e for e in sorted(events, key=profile_timestamp) if e.type == PROFILE_UPDATED for name in (*e.texts, *e.numbers)}
    for name, e in told.items():
        if len(name) <= LONGEST_TRAIT:
            value = (e.texts.get(name), e.numbers.get(name))
            writes.append(Write(INSERT_TRAIT, (e.tenant, e.lead, name, value, e.source, e.occurred_at, profile_timestamp(e))))


def _add_outcome(result: Plan, o: Outcome) -> None:
    amount = UNSET_VALUE if o.amount is None else o.amount
    row = (o.tenant, o.lead, o.occurred_at, o.outcome_id, o.outcome, o.received_at, amount, o.source, write_timestamp_of(o.occurred_at))
    result.writes[o.tenant, o.lead].append(Write(INSERT_OUTCOME, row))


def _add_metric(result: Plan, m: Metric) -> None:
    measured, at = (m.value, m.points, m.model_version), write_timestamp_of(m.as_of)
    partition = (m.tenant, m.name, month_of(m.as_of))
    result.writes[partition].append(Write(INSERT_METRIC_HISTORY, (*partition, m.as_of, m.model, *measured, at)))
    latest = Write(INSERT_METRIC, (m.tenant, m.name, m.model, m.as_of, *measured, at))
    first = Write(INSERT_FIRST_METRIC, (m.tenant, m.name, m.model, m.as_of, earliest_timestamp_of(m.as_of)))
    result.writes[(m.tenant,)] += (latest, first)


def _add_model(result: Plan, m: ModelSnapshot) -> None:
    row = (m.tenant, m.version, m.as_of, m.learner, m.examples, m.labels, len(m.payload), m.published_at, write_timestamp_of(m.published_at))
    result.writes[(m.tenant,)].append(Write(INSERT_MODEL, row))


def _add_push(result: Plan, p: PushReport) -> None:
    scored = (p.as_of, p.event_id, p.sequence, p.propensity, p.grade, p.model_version)
    ended = (p.status, p.cause, p.reason, p.record, p.attempts, p.due_since, p.reported_at)
    # one score may be reported twice, refused and then delivered: the later word counts
    row = (p.tenant, p.lead, p.crm, *scored, *ended, write_timestamp_of(p.reported_at))
    result.writes[p.tenant, p.lead].append(Write(INSERT_PUSH, row))
    if p.status == DELIVERED and p.record:
        at = p.reported_at
        _add_link(result, CrmLink(p.tenant, p.lead, p.crm, p.record, LINKED, at))


def _add_link(result: Plan, link: CrmLink) -> None:
    at = write_timestamp_of(link.changed_at)
    known = (link.state, link.changed_at, at)
    writes = result.writes[link.tenant, link.lead]
    writes.append(Write(INSERT_LINK, (link.tenant, link.lead, link.crm, link.record, *known)))
    result.writes[link.tenant, link.crm, link.record].append(Write(INSERT_RECORD, (link.tenant, link.crm, link.record, link.lead, *known)))
    if link.state == ERASED:  # the only table that names a person
        writes.append(Write(DELETE_PERSON, (at, link.tenant, link.lead)))


def _add_override(result: Plan, o: Override) -> None:
    at = write_timestamp_of(o.decided_at)
    decided = (o.grade, o.reason, o.by, o.source, o.expires_at, at)
    result.writes[o.tenant, o.lead].append(Write(INSERT_OVERRIDE, (o.tenant, o.lead, o.decided_at, o.override_id, *decided)))
    partition = (o.tenant, month_of(o.decided_at))
    result.writes[partition].append(Write(INSERT_DECISION, (*partition, o.decided_at, o.override_id, o.lead, *decided)))


ADD_ONE: Mapping[type, Callable[[Plan, Any], None]] = {
    Metric: _add_metric,
    ModelSnapshot: _add_model,
    PushReport: _add_push,
    CrmLink: _add_link,
    Override: _add_override,
}
"""What stands for itself."""
