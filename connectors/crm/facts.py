"""A record of a CRM, and what it said before → outcomes, events, overrides. Pure."""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

from connectors.crm.back import ACCOUNT_ID, BackSettings, is_closing
from connectors.crm.source import Contact, CrmRecord, Value
from schemas.crm_change import DEAL, PERSON
from schemas.event import OBSERVATION, PROFILE_UPDATED, Event
from schemas.ids import Millis
from schemas.outcome import REOPENED, Outcome
from schemas.override import REVOKED, Override

CHANNEL = "crm"
STAGE_CHANGED = "stage_changed"
CRM_LINKED = "crm_linked"
"""Type of an observation that says which record of a CRM a lead is: its identifiers join the two."""
TRAITS, CONVERSION, LINK = "~traits", "~conversion", "~link"
"""Instead of a field's name: what was made of several fields, or of none."""
SAME_MS = 5_000
"""Two ways of hearing of one change (a webhook, a list) may time it so much apart."""
GRADES = frozenset(f"{letter}{digit}" for letter in "ABCD" for digit in "123")

LeadOf = Callable[[Contact], str]
"""A contact → our id of the lead; empty: nobody we could know."""


class Followed(NamedTuple):
    """Whose records, of which CRM, what they mean, and when they were read (ms)."""

    tenant: str
    crm: str
    back: BackSettings
    stage_fields: Mapping[str, str]
    received_at: Millis


class Facts(NamedTuple):
    """What a record newly says. `known` are the values to be remembered once the others are published."""

    outcomes: list[Outcome]
    events: list[Event]
    overrides: list[Override]
    known: list[Value]

    def __bool__(self) -> bool:
        return bool(self.outcomes or self.events or self.overrides or self.known)


class Turn(NamedTuple):
    """A stage that began, what it means, and what the one before meant."""

    value: Value
    meaning: str
    before: str


def turns(known: Sequence[Value], told: Sequence[Value], meaning: Callable[[str], str]) -> tuple[list[Turn], list[Value]]:
    """The turns of a record's story from the first that is news, and the values that are.

    What follows the first news is told again, with the same identities: a stage that was heard of too late may have opened or closed what came after.

    Parameters
    ----------
    known, told
        Values of one field; `told` may repeat what is known, in any order.
    meaning
        Of a stage.
    """
    story = sorted(known, key=_at)
    news: list[Value] = []
    for value in sorted(told, key=_at):
        place = bisect_left(story, value.at, key=_at)
        is_at = place < len(story) and story[place].at == value.at
        before = story[place - 1].text if place else None
        after = story[place] if place < len(story) else None
        is_echo = after is not None and after.text == value.text and after.at - value.at <= SAME_MS
        if is_at or before == value.text or is_echo:
            continue
        insort(story, value, key=_at)
        news.append(value)
    if not news:
        return [], []
    first = bisect_left(story, min(value.at for value in news), key=_at)
    meanings = [meaning(value.text) for value in story]
    return [Turn(story[i], meanings[i], meanings[i - 1] if i else "") for i in range(first, len(story))], news


def facts_of(record: CrmRecord, known: Sequence[Value], followed: Followed, lead_of: LeadOf) -> Facts:
    """What a record says that was not said before.

    Parameters
    ----------
    record
        As it is now; its values may hold its past.
    known
        What was remembered of it.
    followed
        Whose it is.
    lead_of
        Contact → lead.
    """
    facts = Facts([], [], [], [])
    leads = list(dict.fromkeys(lead for lead in map(lead_of, record.people) if lead))
    if not leads:  # nothing is remembered either: once it is known whose it is, all of it is news
        return facts
    by_field: dict[str, list[Value]] = {}
    for value in known:
        by_field.setdefault(value.field, []).append(value)
    _add_stages(facts, record, by_field, followed, leads)
    _add_conversion(facts, record, by_field, followed, leads)
    _add_traits(facts, record, by_field, followed, leads)
    if record.kind == PERSON:
        _add_link(facts, record, by_field, followed, lead_of)
        _add_override(facts, record, by_field, followed, leads)
    return facts


def _at(value: Value) -> int:
    return value.at


def _add_stages(facts: Facts, record: CrmRecord, known: Mapping[str, Sequence[Value]], f: Followed, leads: Sequence[str]) -> None:
    field = f.stage_fields[record.kind]
    told = [value for value in record.values if value.field == field]
    story, news = turns(known.get(field, ()), told, lambda stage: f.back.meaning(record.kind, stage))
    facts.known.extend(news)
    for turn in story:
        for outcome in _outcomes_of(turn):
            _tell(facts, record, f, leads, outcome, turn.value.at)
        if turn.meaning and not is_closing(turn.meaning):
            _stage(facts, record, f, leads, turn.meaning, turn.value.at)


def _outcomes_of(turn: Turn) -> Iterator[str]:
    if is_closing(turn.before) and turn.before != turn.meaning:
        yield REOPENED
    if is_closing(turn.meaning) and turn.before != turn.meaning:
        yield turn.meaning


def _tell(facts: Facts, record: CrmRecord, f: Followed, leads: Sequence[str], outcome: str, at: int) -> None:
    amount = _number(record.latest().get(f.back.amount or AMOUNTS.get(f.crm, ""), "")) if record.kind == DEAL else None
    told_id = f"{f.crm}:{record.kind}:{record.record}:{at}:{outcome}"
    facts.outcomes.extend(Outcome(f.tenant, lead, told_id, outcome, Millis(at), f.received_at, amount, f.crm) for lead in leads)


AMOUNTS = {"hubspot": "amount", "salesforce": "Amount"}
"""CRM → its own field of a deal's amount."""


def _stage(facts: Facts, record: CrmRecord, f: Followed, leads: Sequence[str], stage: str, at: int) -> None:
    for lead in leads:
        facts.events.append(_event(record, f, lead, f"{STAGE_CHANGED}:{stage}", STAGE_CHANGED, CHANNEL, at, {"stage": stage, "of": record.kind}))


def _add_conversion(facts: Facts, record: CrmRecord, known: Mapping[str, Sequence[Value]], f: Followed, leads: Sequence[str]) -> None:
    if record.kind != PERSON or not record.into or CONVERSION in known:
        return
    facts.known.append(Value(CONVERSION, record.into, record.at))
    if is_closing(f.back.conversion):
        _tell(facts, record, f, leads, f.back.conversion, record.at)
    else:
        _stage(facts, record, f, leads, f.back.conversion, record.at)


def _add_traits(facts: Facts, record: CrmRecord, known: Mapping[str, Sequence[Value]], f: Followed, leads: Sequence[str]) -> None:
    latest = record.latest()
    traits = {name: latest[field] for field, name in f.back.traits_of(record.kind).items() if latest.get(field)}
    if not traits:
        return
    digest = _digest(repr(sorted(traits.items())), *leads)
    if any(value.text == digest for value in known.get(TRAITS, ())):
        return
    facts.known.append(Value(TRAITS, digest, 0))  # one row, overwritten: only the last matters
    account = traits.pop(ACCOUNT_ID, None)
    properties = {name: text if (number := _number(text)) is None else number for name, text in traits.items()}
    for lead in leads:
        event = _event(record, f, lead, digest, PROFILE_UPDATED, CHANNEL, record.at, properties)
        facts.events.append(event._replace(account_id=account))


def _add_link(facts: Facts, record: CrmRecord, known: Mapping[str, Sequence[Value]], f: Followed, lead_of: LeadOf) -> None:
    now = record.into or record.record
    lead = lead_of(record.people[0])
    text = _digest(now, lead)
    if any(value.text == text for value in known.get(LINK, ())):
        return
    facts.known.append(Value(LINK, text, 0))
    facts.events.append(linked(f, lead, now, record.at))


def linked(f: Followed, lead: str, record: str, at: int) -> Event:
    """The observation that a lead is this record of the CRM."""
    plain = record.rpartition("/")[2]
    at_id = _digest(f.crm, CRM_LINKED, record, lead)
    return Event(
        tenant=f.tenant,
        lead=lead,
        event_id=at_id,
        type=CRM_LINKED,
        channel=OBSERVATION,
        occurred_at=Millis(at),
        received_at=f.received_at,
        properties={"crm": f.crm, "record": record},
        context={},
        consent={},
        identifiers={f"crm.{f.crm}": plain},
        source=f.crm,
    )


def _add_override(facts: Facts, record: CrmRecord, known: Mapping[str, Sequence[Value]], f: Followed, leads: Sequence[str]) -> None:
    field = f.back.override_field
    told = [value for value in record.values if value.field == field] if field else []
    before = sorted(known.get(field, ()), key=_at)
    # an empty field that was never filled says nothing
    told = [value for value in told if value.text.strip() or before or any(v.at < value.at and v.text.strip() for v in told)]
    _, news = turns(before, told, str)
    facts.known.extend(news)
    for value in news:
        grade = value.text.strip().upper()
        if grade and grade not in GRADES:
            continue  # a word of theirs that is no grade: remembered, so that it is not looked at again
        for lead in leads:
            override_id = _digest(f.crm, record.record, value.text, str(value.at))
            expires_at = Millis(value.at + round(f.back.override_for.total_seconds() * 1_000))
            reason = f"{field} in {f.crm}"
            facts.overrides.append(Override(f.tenant, lead, override_id, grade or REVOKED, reason, f.crm, f.crm, Millis(value.at), expires_at))


def _event(record: CrmRecord, f: Followed, lead: str, what: str, kind: str, channel: str, at: int, properties: Mapping[str, str | float]) -> Event:
    return Event(
        tenant=f.tenant,
        lead=lead,
        event_id=_digest(f.crm, record.kind, record.record, what, str(at)),
        type=kind,
        channel=channel,
        occurred_at=Millis(at),
        received_at=f.received_at,
        properties=dict(properties),
        context={},
        consent={},
        source=f.crm,
    )


def _digest(*parts: str) -> str:
    return blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None  # NaN too is no number: it is smaller than nothing
