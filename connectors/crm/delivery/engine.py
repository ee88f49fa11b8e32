"""One account's pushes: a state machine without clock or I/O, driven by `offer`, `due`, `answered` and `failed`.

Laws, whatever the order of calls and answers (tests/property/crm): of one lead at most one request is under way; a later revision is
never followed by an earlier one; a push ends only by an answer or because the CRM shows the same decision; nothing is sent without quota.
"""

from heapq import heappop, heappush
from typing import NamedTuple

from connectors.crm.contract import Answer, Answered, Item, Limits, Request, Stage, Verdict, kind_of, revision_of
from connectors.crm.delivery.gate import Gate, State
from connectors.crm.delivery.pace import backoff_ms
from connectors.crm.delivery.pending import Pending, PushStore
from connectors.crm.delivery.ready import Ready
from connectors.crm.delivery.rules import FALL, GRADE, PATIENT, REPAIR, PushRules, Shown, cause_of, settled_ms
from schemas.errors import DoubtfulError, PoisonRecordError, ProxError, RateLimitedError, TenantBlockedError
from schemas.ids import Millis
from schemas.push import DELIVERED, REFUSED, SKIPPED, SURPASSED, PushReport
from schemas.score import LeadScore

LINGER_MS = 1_000
"""A batch that is not full is sent once in so long: 86,400 of them a day, a seventh of HubSpot's smallest professional quota."""
ABSENT_MS = 3_600_000
"""A lead that the CRM does not have is not looked for again within the hour; nor is a refused grade pushed again."""
CLOCKS_APART_MS = 5_000
MISSES = 3
"""A record that is found and gone again so often is being deleted while we look."""
NEVER_MS = 1 << 53
"""Instead of when a record was found missing: it is not looked for any more."""
WRITING = (Stage.LINK, Stage.WRITE)


class Ended(NamedTuple):
    """A push that ended, and the score it carried: for the dead letters, where it was refused."""

    report: PushReport
    score: LeadScore


class Standing(NamedTuple):
    """How an account is doing. Counts are since the engine's start; `oldest_ms` is how long the oldest push has been due."""

    state: State
    reason: str
    pending: int
    under_way: int
    oldest_ms: int
    daily_left: int | None
    scores: int
    requests: int
    delivered: int
    surpassed: int
    skipped: int
    refused: int
    failures: int
    withdrawn: int

    @property
    def ends(self) -> int:
        """Pushes that ended, however."""
        return self.delivered + self.surpassed + self.skipped + self.refused + self.withdrawn


class Delivery:
    """The engine of one account.

    Parameters
    ----------
    tenant, crm
        Whose account, of which CRM.
    limits
        The vendor's.
    rules
        The tenant's.
    store
        What is remembered; everything that has not ended is in it before a method returns.
    now
        Milliseconds, as in every method.
    matches
        Whether leads without our id are looked for by e-mail.
    creates
        Whether leads that the CRM does not have are created.
    """

    def __init__(
        self, tenant: str, crm: str, *, limits: Limits, rules: PushRules, store: PushStore, now: int, matches: bool = True, creates: bool = False
    ) -> None:
        self._tenant = tenant
        self._crm = crm
        self._limits = limits
        self._rules = rules
        self._store = store
        self._matches = matches
        self._creates = creates
        kept = store.account()
        self._gate = Gate(limits, seed=f"{tenant}|{crm}", kept=kept, now=now)
        if kept is None:
            store.keep_account(self._gate.to_bytes())
        # a predecessor may have pushed what is read again now, and more: until it is known to be ours, the CRM is asked first
        self._strange_until = 0 if kept is None else now + CLOCKS_APART_MS
        self._looked: set[str] = set()
        self._stage: dict[str, Stage] = {}
        self._part: dict[str, int] = {}
        self._refused: dict[str, tuple[str, str, int]] = {}
        self._under_way: dict[str, Item] = {}
        self._requests: dict[int, Request] = {}
        self._ready = Ready()
        self._due: list[tuple[int, str]] = []
        self._partial_at = 0
        self._number = 0
        self._turn = 0
        self._counts = dict.fromkeys(("scores", "requests", DELIVERED, SURPASSED, SKIPPED, REFUSED, "failures", "withdrawn"), 0)
        # what was due then may have been pushed since, so no later score that says the same as the one shown then may withdraw it
        self._pending = {lead: pending._replace(is_doubtful=True) for lead, pending in store.pending().items()}
        self._queued: dict[str, int] = {}
        self._linked: dict[str, str] = {}
        self._leaving: set[str] = set()
        self._decided: set[str] = set()
        for lead in [lead for lead in self._pending if self._has_left(lead)]:
            del self._pending[lead]
            store.drop(lead)
        for lead, pending in self._pending.items():
            self._queue(lead, pending.due_at)

    def offer(self, score: LeadScore, now: int, *, is_decided: bool = False) -> None:
        """A lead has a new score: it replaces what is pending, and is pushed if the rules say so.

        A score that is not later than what is pending or shown changes nothing. `is_decided` says that a person has had a say in the grade:
        then a lower one is no fall that might pass.
        """
        self._counts["scores"] += 1
        if is_decided:
            self._decided.add(score.lead)
        else:
            self._decided.discard(score.lead)
        if self._store.moved_to(score.lead) is None:  # else a late one of an id that stands for another lead
            self._consider(score, now)

    def move(self, lead: str, to: str, now: int) -> None:
        """The id stands for another lead now, or for its own again: what is pending of it goes, and its record is that lead's.

        A record that the other lead has already is kept, and this one left as it is: two records of one person are the CRM's to merge.
        """
        if to == lead:
            self._store.drop_moved(lead)
            return
        self._store.keep_moved(lead, to)
        if lead in self._under_way:  # what ends it moves the record
            return
        if lead in self._pending:
            self._end(lead)
            self._counts["withdrawn"] += 1
        left, theirs = self._store.shown(lead), self._store.shown(to)
        if left is None or not left.record or (theirs is not None and theirs.record):
            return
        self._store.forget(lead)
        self._store.show(to, Shown(left.record, "", "", 0.0, left.at))
        if to in self._pending and to not in self._under_way:
            self._link(to, self._pending[to], left.record, now)

    def _consider(self, score: LeadScore, now: int) -> None:
        lead = score.lead
        revision = revision_of(score)
        pending = self._pending.get(lead)
        shown = self._store.shown(lead)
        if (pending is not None and revision <= revision_of(pending.score)) or (shown is not None and revision <= shown.revision):
            return
        if lead in self._under_way:
            assert pending is not None
            self._keep(lead, pending._replace(score=score))
            return
        if self._is_muted(score, revision, shown, now):
            return
        cause = self._cause_of(score, shown)
        if pending is None:
            if cause:
                due_at = self._due_at(cause, shown, now)
                self._keep(lead, Pending(score, cause, since=now, due_at=due_at, is_doubtful=self._is_strange(score)))
        elif cause or pending.is_doubtful or pending.cause == REPAIR:
            self._renew(lead, pending, score, cause, shown, now)
        else:
            self._end(lead)
            self._counts["withdrawn"] += 1

    def leave(self, lead: str) -> None:
        """The lead's record is gone, by a person's doing: nothing is pushed until it rejoins. A request that is under way is the last one."""
        if lead in self._under_way:
            self._leaving.add(lead)
        elif lead in self._pending:
            self._end(lead)
        self._store.show(lead, Shown("", "", "", 0.0, NEVER_MS))

    def rejoin(self, lead: str, record: str) -> bool:
        """The lead has this record; whether that is news, so that its latest score is to be offered again."""
        shown = self._store.shown(lead)
        if shown is None or shown.record == record or (lead in self._under_way and lead not in self._leaving):
            return False
        self._leaving.discard(lead)
        self._refused.pop(lead, None)
        self._stage.pop(lead, None)
        self._store.forget(lead)
        return True

    def last_known(self, lead: str) -> str:
        """The revision that is pending or shown, the later one; empty while there is none."""
        pending, shown = self._pending.get(lead), self._store.shown(lead)
        return max("" if pending is None else revision_of(pending.score), "" if shown is None else shown.revision)

    def repair(self, score: LeadScore, now: int) -> None:
        """Push a score whatever is thought to be shown: a reconciler has seen something else there."""
        lead = score.lead
        if lead in self._pending:  # whatever ends it will show the latest
            return
        self._store.forget(lead)
        self._stage.pop(lead, None)
        self._keep(lead, Pending(score, REPAIR, since=now, due_at=now))

    def due(self, now: int) -> list[Request]:
        """The requests to be sent now. Each is answered by `answered` or `failed`, once."""
        while self._due and self._due[0][0] <= now:
            due_at, lead = heappop(self._due)
            if self._queued.get(lead) == due_at:  # else it was queued anew for another time
                del self._queued[lead]
                self._wait(lead, self._pending[lead])
        requests: list[Request] = []
        while self._gate.room(now) > 0:
            request = self._next(now)
            if request is None:
                break
            self._gate.begin()
            self._requests[request.number] = request
            self._counts["requests"] += 1
            requests.append(request)
        return requests

    def next_at(self, now: int) -> int | None:
        """When `due` may give something; None: not before a request ends or a score is offered."""
        is_full = any(self._ready.count(stage) >= self._limits.batch for stage in Stage)
        times = [now] if is_full else [self._partial_at] if self._ready else []
        times += [self._due[0][0]] if self._due else []
        opens_at = self._gate.opens_at(now)
        return None if not times or opens_at is None else max(now, opens_at, min(times))

    def answered(self, request: Request, answered: Answered, now: int) -> list[Ended]:
        """What the CRM said of each item."""
        del self._requests[request.number]
        self._gate.succeeded(now, answered.daily_left)
        ended: list[Ended] = []
        for item, answer in zip(request.items, answered.answers, strict=True):
            del self._under_way[item.lead]
            self._part.pop(item.lead, None)
            ended += self._settle(request.stage, item, answer, now)
            self._let_go(item.lead)
        return ended

    def failed(self, request: Request, error: ProxError, now: int) -> list[Ended]:
        """The request as a whole was refused, or not answered."""
        del self._requests[request.number]
        self._gate.failed(error, request.began_at, now)
        self._counts["failures"] += 1
        ended: list[Ended] = []
        for item in request.items:
            del self._under_way[item.lead]
            pending = self._pending[item.lead]
            self._part.pop(item.lead, None)
            match error:
                case RateLimitedError() | TenantBlockedError():  # the account's trouble: the gate waits, and no attempt is counted
                    self._keep(item.lead, pending._replace(due_at=now))
                case PoisonRecordError() if len(request.items) == 1:
                    ended += self._settle(request.stage, item, Answer(Verdict.REFUSED, error.reason), now)
                case PoisonRecordError():  # one of them spoils the batch: send halves, until it is alone
                    self._part[item.lead] = len(request.items) // 2
                    self._keep(item.lead, pending._replace(due_at=now))
                case _:
                    doubtful = pending.is_doubtful or (isinstance(error, DoubtfulError) and request.stage in WRITING)
                    self._try_again(item.lead, pending._replace(is_doubtful=doubtful), now)
            self._let_go(item.lead)
        return ended

    def reopen(self) -> None:
        """The account's credentials have changed: try again at once."""
        self._gate.reopen()

    def save(self) -> None:
        """Keep what is counted of the account itself."""
        self._store.keep_account(self._gate.to_bytes())

    def state(self, now: int) -> State:
        """What the account is doing."""
        return self._gate.state(now)

    @property
    def pending(self) -> int:
        """Pushes that have not ended."""
        return len(self._pending)

    @property
    def under_way(self) -> int:
        """Requests that were sent and have not been answered."""
        return self._gate.under_way

    @property
    def ends(self) -> int:
        """Pushes that ended since the engine's start."""
        return sum(self._counts[name] for name in (DELIVERED, SURPASSED, SKIPPED, REFUSED, "withdrawn"))

    def standing(self, now: int) -> Standing:
        """How the account is doing."""
        # what has settled is due, however long that took
        due = (p.since + settled_ms(p.cause, self._rules) for p in self._pending.values() if p.due_at <= now or p.attempts)
        oldest = min(due, default=now)
        return Standing(
            state=self._gate.state(now),
            reason=self._gate.reason,
            pending=len(self._pending),
            under_way=self._gate.under_way,
            oldest_ms=max(0, now - oldest),
            daily_left=self._gate.daily_left,
            **self._counts,
        )

    def _has_left(self, lead: str) -> bool:
        shown = self._store.shown(lead)
        return shown is not None and shown.at == NEVER_MS

    def _let_go(self, lead: str) -> None:
        """What left while its request was under way."""
        if lead in self._leaving:
            self._leaving.discard(lead)
            self.leave(lead)

    def _is_muted(self, score: LeadScore, revision: str, shown: Shown | None, now: int) -> bool:
        if shown is not None and not shown.record and now < shown.at + ABSENT_MS:
            return True
        grade, refused, until = self._refused.get(score.lead, ("", "", 0))
        # the refused score itself comes again only when a person has sent it back
        return score.grade == grade and revision != refused and now < until

    def _cause_of(self, score: LeadScore, shown: Shown | None) -> str:
        cause = cause_of(score, shown, self._rules)
        return GRADE if cause == FALL and score.lead in self._decided else cause

    def _due_at(self, cause: str, shown: Shown | None, now: int) -> int:
        earliest = 0 if shown is None else shown.at + self._rules.min_interval_ms
        return max(now + settled_ms(cause, self._rules), earliest)

    def _renew(self, lead: str, pending: Pending, score: LeadScore, cause: str, shown: Shown | None, now: int) -> None:
        due_at, since = pending.due_at, pending.since
        if pending.cause in PATIENT and cause not in (pending.cause, "") and not pending.attempts:
            due_at, since = min(due_at, self._due_at(cause, shown, now)), now
        if not cause and pending.cause != REPAIR and not pending.attempts and lead not in self._looked:
            # the lead is back where the CRM was at a restart, and a predecessor may have pushed what came between: asking tells, and writes nothing
            self._stage[lead] = Stage.LOOK
        keeps_cause = pending.cause == REPAIR or not cause
        self._keep(lead, pending._replace(score=score, cause=pending.cause if keeps_cause else cause, since=since, due_at=due_at))

    def _keep(self, lead: str, pending: Pending) -> None:
        self._pending[lead] = pending
        self._store.keep(lead, pending)
        if lead in self._ready:
            self._wait(lead, pending)
        elif lead not in self._under_way:
            self._queue(lead, pending.due_at)

    def _wait(self, lead: str, pending: Pending) -> None:
        # people act on a grade: what else is due, ten thousand first pushes perhaps, can wait a moment longer
        self._ready.put(lead, self._stage_of(lead, pending), is_urgent=pending.cause == GRADE)

    def _queue(self, lead: str, due_at: int) -> None:
        if self._queued.get(lead) != due_at:
            self._queued[lead] = due_at
            heappush(self._due, (due_at, lead))

    def _end(self, lead: str) -> None:
        del self._pending[lead]
        self._stage.pop(lead, None)
        self._part.pop(lead, None)
        self._queued.pop(lead, None)
        self._ready.drop(lead)
        self._store.drop(lead)

    def _is_strange(self, score: LeadScore) -> bool:
        """Whether a predecessor may have pushed this score, or a later one, without our knowing."""
        return score.scored_at < self._strange_until and score.lead not in self._looked

    def _link(self, lead: str, pending: Pending, record: str, now: int) -> None:
        """Write to a record by its own id next."""
        self._ready.drop(lead)
        self._stage[lead] = Stage.LINK
        self._keep(lead, pending._replace(record=record, due_at=now))

    def _stage_of(self, lead: str, pending: Pending) -> Stage:
        stage = self._stage.get(lead)
        if stage is not None:
            return stage
        shown = self._store.shown(lead)
        if _inherited(shown):
            return Stage.LINK
        is_known = shown is not None and shown.record and not self._is_strange(pending.score)
        return Stage.WRITE if is_known else Stage.LOOK

    def _next(self, now: int) -> Request | None:
        """The next request, of each stage in turn: full batches at once, others once in LINGER_MS."""
        stages = list(Stage)
        for least in (self._limits.batch, 1):
            if least == 1 and now < self._partial_at:
                return None
            for turn in range(len(stages)):
                stage = stages[(self._turn + turn) % len(stages)]
                if self._ready.count(stage) >= least:
                    items = self._batch(stage)
                    self._turn = (self._turn + turn + 1) % len(stages)
                    if len(items) < self._limits.batch and not self._ready.count(stage):
                        self._partial_at = now + LINGER_MS
                    self._number += 1
                    return Request(self._number, stage, items, now)
        return None

    def _batch(self, stage: Stage) -> tuple[Item, ...]:
        """The leads to be taken next, none twice and no record twice: vendors refuse a batch that holds one twice."""
        most = self._limits.batch
        items: list[Item] = []
        records: set[str] = set()
        kind, attempt = "", f"{self._number + 1}-"
        for lead in self._ready.leads(stage):
            if self._part:
                most = min(most, self._part.get(lead, most))
            if len(items) >= most:
                break
            pending = self._pending[lead]
            record = pending.record or self._record_of(lead)
            if not items:
                kind = kind_of(record)
            if kind_of(record) == kind and (not record or record not in records):
                records.add(record)
                items.append(Item(lead, pending.score, record, f"{attempt}{len(items)}"))
        for item in items:
            self._ready.drop(item.lead)
            self._under_way[item.lead] = item
        return tuple(items)

    def _record_of(self, lead: str) -> str:
        shown = self._store.shown(lead)
        return "" if shown is None else shown.record

    def _settle(self, stage: Stage, item: Item, answer: Answer, now: int) -> list[Ended]:
        pending = self._pending[item.lead]
        match answer.verdict, stage:
            case Verdict.DONE, Stage.WRITE | Stage.LINK:
                return self._written(item, pending, answer, now)
            case Verdict.RETRY, _:
                self._try_again(item.lead, pending, now)
            case Verdict.MOVED, _:
                self._stage[item.lead] = Stage.LINK
                self._try_again(item.lead, pending._replace(record=answer.record), now, has_news=True)
            case Verdict.REFUSED, _:
                return self._refuse(item, pending, answer.reason, now)
            case Verdict.MISSING, _:
                return self._miss(stage, item, pending, answer, now)
            case _, Stage.LOOK:
                return self._seen(item, pending, answer, now)
            case _:
                return self._matched(item, pending, answer, now)
        return []

    def _seen(self, item: Item, pending: Pending, answer: Answer, now: int) -> list[Ended]:
        """LOOK found the record: what it shows decides."""
        lead = item.lead
        known = self._store.shown(lead)
        shown = Shown(answer.record, answer.revision, answer.grade, answer.propensity, 0 if known is None else known.at)
        self._store.show(lead, shown)
        self._looked.add(lead)
        revision = revision_of(pending.score)
        if pending.cause != REPAIR or answer.grade == pending.score.grade:
            if answer.revision >= revision:
                self._end(lead)
                return [self._ended(DELIVERED if answer.revision == revision else SURPASSED, pending.score, pending, answer.record, now)]
            # what a predecessor wrote and nobody heard of has no report either: the latest is written, so that there is one
            is_unheard = pending.is_doubtful and answer.revision != ("" if known is None else known.revision)
            if not self._cause_of(pending.score, shown) and not is_unheard:
                self._end(lead)
                self._counts["withdrawn"] += 1
                return []
        self._stage[lead] = Stage.WRITE
        self._keep(lead, pending._replace(record=answer.record, due_at=now))
        return []

    def _matched(self, item: Item, pending: Pending, answer: Answer, now: int) -> list[Ended]:
        """MATCH found a record: it is ours to link, unless it is another lead's."""
        owner = answer.owner or self._linked.setdefault(answer.record, item.lead)
        if item.lead not in (owner, self._store.moved_to(owner)):
            return self._refuse(item, pending, "record_of_another_lead", now)
        self._stage[item.lead] = Stage.LINK
        self._keep(item.lead, pending._replace(record=answer.record, due_at=now))
        return []

    def _written(self, item: Item, pending: Pending, answer: Answer, now: int) -> list[Ended]:
        """The record shows what the request carried; what came meanwhile is measured by that."""
        lead, score = item.lead, item.score
        record = answer.record or item.record
        shown = Shown(record, revision_of(score), score.grade, score.propensity, now)
        self._store.show(lead, shown)
        self._refused.pop(lead, None)
        ended = [self._ended(DELIVERED, score, pending, record, now)]
        latest = pending.score
        self._end(lead)
        to = self._store.moved_to(lead)
        if to is not None:
            self.move(lead, to, now)
        elif latest is not score and revision_of(latest) > shown.revision:
            cause = self._cause_of(latest, shown)
            if cause:
                self._keep(lead, Pending(latest, cause, since=now, due_at=self._due_at(cause, shown, now)))
        return ended

    def _miss(self, stage: Stage, item: Item, pending: Pending, answer: Answer, now: int) -> list[Ended]:
        """There is no such record: the next way to find it, or none."""
        lead, inherited = item.lead, _inherited(self._store.shown(item.lead))
        if stage in (Stage.LOOK, Stage.MATCH) and inherited:
            self._link(lead, pending, inherited, now)
            return []
        if stage in WRITING and pending.attempts < MISSES:
            self._store.forget(lead)
            self._stage[lead] = Stage.LOOK
            self._try_again(lead, pending._replace(record=""), now, has_news=True)
            return []
        self._store.forget(lead)  # a record that it once had is gone: one that is created is created whole
        if stage is Stage.LOOK and self._matches:
            self._stage[lead] = Stage.MATCH
        elif stage in (Stage.LOOK, Stage.MATCH) and self._creates:
            self._stage[lead] = Stage.WRITE
        else:
            self._store.show(lead, Shown("", "", "", 0.0, now))
            self._end(lead)
            return [self._ended(SKIPPED, pending.score, pending, "", now, answer.reason or "not_in_crm")]
        self._keep(lead, pending._replace(record="", due_at=now))
        return []

    def _refuse(self, item: Item, pending: Pending, reason: str, now: int) -> list[Ended]:
        self._refused[item.lead] = (item.score.grade, revision_of(item.score), now + ABSENT_MS)
        self._end(item.lead)
        ended = [self._ended(REFUSED, item.score, pending, item.record, now, reason)]
        if revision_of(pending.score) > revision_of(item.score):
            self._consider(pending.score, now)
        return ended

    def _ended(self, status: str, score: LeadScore, pending: Pending, record: str, now: int, reason: str = "") -> Ended:
        self._counts[status] += 1
        report = PushReport(
            tenant=self._tenant,
            lead=score.lead,
            crm=self._crm,
            event_id=score.event_id,
            sequence=score.sequence,
            as_of=score.as_of,
            propensity=score.propensity,
            grade=score.grade,
            model_version=score.model_version,
            status=status,
            cause=pending.cause,
            reason=reason,
            record=record,
            attempts=pending.attempts + 1,
            due_since=Millis(pending.since),
            reported_at=Millis(now),
        )
        return Ended(report, score)

    def _try_again(self, lead: str, pending: Pending, now: int, *, has_news: bool = False) -> None:
        attempts = pending.attempts + 1
        waits_ms = 0 if attempts == 1 and has_news else backoff_ms(attempts, lead)
        self._keep(lead, pending._replace(attempts=attempts, due_at=now + waits_ms))


def _inherited(shown: Shown | None) -> str:
    """The record that shows nothing of the lead yet but is its own: that of an id which stands for it now; empty if there is none."""
    return shown.record if shown is not None and not shown.revision else ""
