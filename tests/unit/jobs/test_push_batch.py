"""What push_scores does around the delivery engines: Flink's state, timers, topics; against a fake CRM over HTTP."""

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from connectors.cassandra.config import CassandraConfig
from connectors.crm.contract import revision_of
from connectors.crm.status import statuses_of
from infra.crm.accounts import crm_accounts
from infra.sealing import seal
from jobs.operators import push_batch
from jobs.operators.push_batch import PushBatch, check_record
from jobs.operators.wall_clock import now_ms
from schemas.crm_link import DELETED, ERASED, LINKED, CrmLink
from schemas.errors import PoisonRecordError, RetriableError
from schemas.identity import LeadMoved
from schemas.ids import Millis
from schemas.override import Override
from schemas.push import PushReport
from schemas.score import LeadScore
from schemas.topics import Topic
from tests.builders import MONDAY
from tests.fakes import hubspot
from tests.fakes.faults import Fault
from tests.fakes.server import Server
from tests.results import a_score
from tests.unit.jobs.fakes import Harness, Published, a_record, of, offline_settings

HASTE = 20
"""The job's clock runs so much faster than ours: a minute's interval is three seconds."""
RULES = '{ settle = "PT0S", move_settle = "PT0S", min_interval = "PT0S", fall_settle = "PT1H" }'
"""A computed grade that falls a little is not pushed within a test's time: what a person decides is."""
QUICK = f"creates = true\nmatches = false\ntimeout_s = 2\nrules = {RULES}"


@pytest.fixture
def hub() -> hubspot.HubSpot:
    return hubspot.HubSpot(burst=10_000)


class Latest:
    """The latest scores, as Cassandra has them."""

    def __init__(self, pushing: "Pushing") -> None:
        self._pushing = pushing

    def latest(self, tenant: str, lead: str) -> LeadScore | None:
        if not self._pushing.is_there:
            raise RetriableError("Cassandra is away")
        score = self._pushing.latest.get(lead)
        return score if score is not None and score.tenant == tenant else None


class Pushing:
    """The operator with acme's account at a fake HubSpot and globex's at another that refuses its token."""

    def __init__(self, folder: Path, *urls: str) -> None:
        keys = SecretStr(Fernet.generate_key().decode())
        tokens = (hubspot.TOKEN, "revoked")
        tables = [
            f'[{tenant}.crm.hubspot]\nbase_url = "{url}"\naccess_token = "{seal(token, keys)}"\n{QUICK}\n'
            for tenant, url, token in zip(("acme", "globex"), urls, tokens, strict=False)
        ]
        (folder / "tenants.toml").write_text("".join(tables))
        settings = offline_settings(folder, tenants_file=folder / "tenants.toml", secrets_keys=keys)
        began, began_ms = monotonic(), now_ms()

        def clock() -> Millis:
            return Millis(began_ms + round((monotonic() - began) * 1_000 * HASTE))

        self.clock = clock
        self.latest: dict[str, LeadScore] = {}
        """What Cassandra has; a test that has it away clears `is_there`."""
        self.is_there = True
        self.harness = Harness(lambda: PushBatch(settings, crm_accounts(settings), clock, lambda _: Latest(self)))
        self.published: list[Published] = []

    def take(self, *records: object) -> None:
        self.latest |= {score.lead: score for score in records if isinstance(score, LeadScore)}
        self.published += self.harness.take([a_record(record) for record in records])

    def decide(self, lead: str, grade: str, *, for_ms: int = 10_000_000) -> Override:
        """A person gives a grade, now."""
        now = self.clock()
        override = Override("acme", lead, f"o-{now}", grade, "met", "sales-lead", "api", now, Millis(now + for_ms))
        self.take(override)
        return override

    def grades(self, hub: hubspot.HubSpot) -> dict[str, str]:
        return {contact["prox_lead_id"]: contact["prox_grade"] for contact in hub.contacts.values()}

    def until(self, is_done: Callable[[], bool]) -> None:
        began = monotonic()
        while not is_done():
            assert monotonic() - began < 60, "it never came"
            self.harness.operator._courier._news.wait(0.01)
            self.published += self.harness.wait()

    def kill(self) -> None:
        """Nothing but state is left."""
        operator = self.harness.operator
        operator.close()
        self.harness.restart()

    @property
    def reports(self) -> list[PushReport]:
        return of(Topic.PUSHES_REPORTED, self.published)


@pytest.fixture
def pushing(hub: hubspot.HubSpot, tmp_path: Path) -> Iterator[Pushing]:
    hub.set_up()
    with Server(hub.app) as server:
        running = Pushing(tmp_path, server.url, server.url)
        yield running
        running.harness.operator.close()


def test_scores_are_pushed_and_reported(hub: hubspot.HubSpot, pushing: Pushing):
    """Each under its lead's key, at the time of the CRM's answer; nothing is left in state but what the CRM shows."""
    pushing.take(*(a_score(f"lead-{n}") for n in range(250)))
    pushing.until(lambda: len(pushing.reports) == 250)

    assert {"delivered"} == {report.status for report in pushing.reports}
    assert {f"lead-{n}" for n in range(250)} == {contact["prox_lead_id"] for contact in hub.contacts.values()}
    assert (0, 250) == tuple(len(pushing.harness.backend.states[name][0]) for name in ("pending", "shown"))


def test_what_a_crm_refuses_is_a_dead_letter_whole(hub: hubspot.HubSpot, pushing: Pushing):
    """With its reason, and the score itself: the command for dead letters sends it back."""
    hub.invalid.add("bob")
    pushing.take(a_score("bob"))
    pushing.until(lambda: bool(pushing.reports))
    (letter,) = of(Topic.RECORDS_DEAD, pushing.published)

    assert ("refused", Topic.SCORES_PUBLISHED.value, b"acme|bob") == (letter.reason, letter.topic, letter.key)
    assert a_record(a_score("bob")).value == letter.value

    hub.invalid.clear()
    pushing.take(a_score("bob"))
    pushing.until(lambda: len(pushing.reports) == 2)
    assert "delivered" == pushing.reports[-1].status


def test_a_job_that_dies_while_a_crm_is_away_loses_nothing_and_turns_nothing_back(hub: hubspot.HubSpot, pushing: Pushing):
    """Twice killed, with pushes pending and done, and the scores since read again."""
    scores = [a_score(f"lead-{n}", sequence=k, propensity=0.1 + 0.08 * (k * 7 % 11), scored_at=pushing.clock()) for k in (1, 2, 3) for n in range(40)]
    hub.faults.share, hub.faults.kinds = 0.4, (Fault.UNAVAILABLE, Fault.RESET_AFTER, Fault.RESET_BEFORE, Fault.SERVER_ERROR, Fault.LOCKED)
    for part in (scores[:60], scores[30:90], scores[60:]):
        pushing.take(*part)
        before = len(pushing.reports)
        pushing.until(lambda: len(pushing.reports) > before)  # noqa: B023 - called within this turn
        pushing.kill()
    hub.faults.share = 0.0
    pushing.take(*scores[60:])
    pushing.until(lambda: not pushing.harness.backend.states["pending"][0])

    assert {f"lead-{n}": scores[80 + n].grade for n in range(40)} == {c["prox_lead_id"]: c["prox_grade"] for c in hub.contacts.values()}
    revisions: dict[str, list[str]] = {}
    for _, written in hub.writes:
        revisions.setdefault(written["prox_lead_id"], []).append(written["prox_revision"])
    assert all(sorted(of_lead) == of_lead for of_lead in revisions.values())
    assert revision_of(scores[80]) == revisions["lead-0"][-1]


def test_a_revoked_token_stops_its_tenant_alone(hub: hubspot.HubSpot, pushing: Pushing):
    """Globex's pushes are kept and its status says why; acme's go on. No secret is in what is told."""
    pushing.take(a_score("eve", tenant="globex"), a_score("ada"))
    pushing.until(lambda: bool(pushing.reports) and _state(pushing, "globex") == "unauthorized")

    assert [("acme", "delivered")] == [(report.tenant, report.status) for report in pushing.reports]
    assert ["hubspot|globex|eve"] == list(pushing.harness.backend.states["pending"][0])
    assert [] == [one for one in pushing.published if "revoked" in str(one.value)]
    assert 1 == len(hub.contacts)


def test_a_change_of_an_accounts_state_is_told_though_nothing_more_happens(pushing: Pushing):
    """The lane's only score meets a refused token, which is not tried again for long: its status is due within seconds."""
    pushing.take(a_score("eve", tenant="globex"))
    (lane,) = pushing.harness.operator._lanes.values()
    delivery = lane.accounts["hubspot|globex"].delivery
    pushing.until(lambda: delivery.under_way == 0)
    (timer,) = pushing.harness.backend.timers

    assert "unauthorized" == _state(pushing, "globex") or timer[2] <= pushing.clock() + push_batch.STATUS_MS
    assert pushing.clock() + push_batch.STATUS_MS < delivery.next_at(pushing.clock())


def test_what_travels_in_a_job_graph_holds_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Neither a token nor the keys nor Cassandra's password; the worker opens them with the keys of its own environment."""
    keys = Fernet.generate_key().decode()
    (tmp_path / "tenants.toml").write_text(f'[acme.crm.hubspot]\naccess_token = "{seal("pat-7", SecretStr(keys))}"\n')
    cassandra = CassandraConfig(username="prox", password=SecretStr("hush"))
    settings = offline_settings(tmp_path, tenants_file=tmp_path / "tenants.toml", secrets_keys=SecretStr(keys), cassandra=cassandra)
    graph = pickle.dumps(PushBatch(settings, crm_accounts(settings)))

    assert [] == [secret for secret in ("pat-7", keys, "hush") if secret.encode() in graph]

    monkeypatch.setenv("PROX_SECRETS_KEYS", keys)
    monkeypatch.setenv("PROX_CASSANDRA__PASSWORD", "hush")
    operator = pickle.loads(graph)
    assert settings == operator._settings
    (account,) = operator._accounts
    assert "pat-7" == account.opened(operator._settings.secrets_keys).access_token.get_secret_value()


def _state(pushing: Pushing, tenant: str) -> str:
    metrics = {(m.name, m.model): m for m in of(Topic.METRICS_PUBLISHED, pushing.published) if m.tenant == tenant}
    return next((str(status.state) for status in statuses_of(metrics.values())), "")


def test_an_override_is_what_the_crm_shows_until_it_expires(hub: hubspot.HubSpot, pushing: Pushing):
    """Also without a new score; later computed scores do not overwrite it, and its end brings theirs back."""
    pushing.take(a_score("ada", propensity=0.2))
    pushing.until(lambda: len(pushing.reports) == 1)
    override = pushing.decide("ada", "A1", for_ms=120_000)
    pushing.until(lambda: pushing.grades(hub) == {"ada": "A1"})
    later_score = a_score("ada", sequence=2, propensity=0.4, scored_at=pushing.clock())
    pushing.take(later_score)
    pushing.until(lambda: pushing.reports[-1].sequence == 2)

    assert ("A1", 0.4) == (pushing.reports[-1].grade, pushing.reports[-1].propensity)
    pushing.until(lambda: pushing.grades(hub) == {"ada": later_score.grade})
    assert pushing.clock() >= override.expires_at
    revisions = [written["prox_revision"] for _, written in hub.writes]
    assert sorted(set(revisions)) == revisions
    assert {} == pushing.harness.backend.states["decisions"][0]


def test_an_override_is_taken_back_and_the_latest_decision_counts(hub: hubspot.HubSpot, pushing: Pushing):
    """In whatever order decisions come."""
    pushing.take(a_score("ada", propensity=0.2))
    pushing.until(lambda: len(pushing.reports) == 1)
    computed = pushing.grades(hub)
    first = pushing.decide("ada", "A1")
    pushing.until(lambda: pushing.grades(hub) == {"ada": "A1"})
    second = pushing.decide("ada", "D3")
    pushing.take(first)
    pushing.until(lambda: pushing.grades(hub) == {"ada": "D3"})
    pushing.take(second._replace(override_id="o-z", grade="", decided_at=Millis(second.decided_at + 1)), second, first)
    pushing.until(lambda: pushing.grades(hub) == computed)

    assert {} == pushing.harness.backend.states["decisions"][0]


def test_an_override_outlives_the_job_and_an_outage_of_the_tables(hub: hubspot.HubSpot, pushing: Pushing):
    """It is in state before anything is asked; scores that are read again carry it."""
    score = a_score("ada", propensity=0.2, scored_at=pushing.clock())
    pushing.take(score)
    pushing.until(lambda: len(pushing.reports) == 1)
    pushing.is_there = False
    pushing.decide("ada", "A1")
    pushing.kill()
    pushing.take(score)
    pushing.is_there = True
    pushing.until(lambda: pushing.grades(hub) == {"ada": "A1"})


def test_a_score_that_the_tables_do_not_have_yet_is_waited_for(hub: hubspot.HubSpot, pushing: Pushing):
    """An override is never put on an older score than the CRM shows already."""
    first, second = (a_score("ada", sequence=n, propensity=n / 5, scored_at=pushing.clock()) for n in (1, 2))
    pushing.take(second)
    pushing.until(lambda: len(pushing.reports) == 1)
    pushing.latest["ada"] = first
    pushing.decide("ada", "A1")
    pushing.published += pushing.harness.wait()
    pushing.latest["ada"] = second
    pushing.until(lambda: len(pushing.reports) == 2)

    assert {"ada": "A1"} == pushing.grades(hub)
    assert [2, 2] == [report.sequence for report in pushing.reports]


def test_a_record_that_is_gone_is_pushed_to_no_more(hub: hubspot.HubSpot, pushing: Pushing):
    """Not made anew either, where the tenant lets leads be created; until it is there again, and then at once."""
    pushing.take(a_score("ada", propensity=0.2), a_score("bob", propensity=0.2))
    pushing.until(lambda: len(pushing.reports) == 2)
    record = next(record for record, contact in hub.contacts.items() if contact["prox_lead_id"] == "ada")
    kept = hub.contacts.pop(record)
    pushing.take(CrmLink("acme", "ada", "hubspot", record, DELETED, pushing.clock()))
    pushing.take(a_score("ada", sequence=2, propensity=0.9), a_score("bob", sequence=2, propensity=0.9))
    pushing.until(lambda: len(pushing.reports) == 3)
    pushing.kill()
    pushing.take(a_score("ada", sequence=3, propensity=0.1), a_score("bob", sequence=3, propensity=0.1))
    pushing.until(lambda: len(pushing.reports) == 4)

    assert ["bob", "bob"] == [report.lead for report in pushing.reports[2:]]
    assert {"bob"} == {contact["prox_lead_id"] for contact in hub.contacts.values()}
    hub.contacts[record] = kept
    pushing.take(CrmLink("acme", "ada", "hubspot", record, LINKED, pushing.clock()))
    pushing.until(lambda: pushing.reports[-1].lead == "ada")
    assert ("delivered", 3) == (pushing.reports[-1].status, pushing.reports[-1].sequence)


def test_who_asked_to_be_forgotten_is_never_created_again(hub: hubspot.HubSpot, pushing: Pushing):
    """By an erasure in any of the tenant's CRMs."""
    pushing.take(CrmLink("acme", "ada", "salesforce", "Lead/00Q", ERASED, pushing.clock()))
    pushing.take(a_score("ada"), a_score("bob"))
    pushing.until(lambda: len(pushing.reports) == 1)

    assert {"bob"} == {contact["prox_lead_id"] for contact in hub.contacts.values()}


def moved(lead: str, to: str, *, number: int = 1) -> LeadMoved:
    return LeadMoved("acme", lead, lead, to, number, lead, is_nobody=False, occurred_at=MONDAY, received_at=MONDAY)


def test_a_record_follows_its_lead(hub: hubspot.HubSpot, pushing: Pushing):
    """The contact of an id that proves to be another lead's is that lead's; late scores of the id change nothing, also after a restart."""
    pushing.take(a_score("b-1", propensity=0.1))
    pushing.until(lambda: len(pushing.reports) == 1)
    pushing.harness.take([a_record(moved("b-1", "ada"), 1)])
    pushing.kill()
    pushing.take(a_score("b-1", sequence=2, propensity=0.9))
    pushing.take(a_score("ada", sequence=3, propensity=0.5, scored_at=pushing.clock()))
    pushing.until(lambda: len(pushing.reports) == 2)

    assert [("ada", a_score(propensity=0.5).grade)] == [(one["prox_lead_id"], one["prox_grade"]) for one in hub.contacts.values()]
    assert ["b-1", "ada"] == [report.lead for report in pushing.reports]


def test_a_record_that_the_lead_has_already_is_kept(hub: hubspot.HubSpot, pushing: Pushing):
    """Two records of one person are the CRM's to merge: neither loses what it is."""
    pushing.take(a_score("b-1"), a_score("ada"))
    pushing.until(lambda: len(pushing.reports) == 2)
    pushing.harness.take([a_record(moved("b-1", "ada"), 1)])
    pushing.take(a_score("ada", sequence=3, propensity=0.95))
    pushing.until(lambda: len(pushing.reports) == 3)

    assert {"b-1", "ada"} == {contact["prox_lead_id"] for contact in hub.contacts.values()}


def test_what_is_pending_of_an_id_that_moved_goes(hub: hubspot.HubSpot, pushing: Pushing):
    """And comes again when the two are parted."""
    hub.faults.share, hub.faults.kinds = 1.0, (Fault.UNAVAILABLE,)
    pushing.take(a_score("b-1"))
    pushing.until(lambda: bool(hub.faults.met) and not pushing.harness.operator._lanes[0].accounts["hubspot|acme"].delivery.under_way)
    pushing.harness.take([a_record(moved("b-1", "ada"), 1)])
    waiting = list(pushing.harness.backend.states["pending"][0])
    hub.faults.share = 0.0
    pushing.harness.take([a_record(moved("b-1", "b-1", number=2), 1)])
    pushing.take(a_score("b-1", sequence=2))
    pushing.until(lambda: len(pushing.reports) == 1)

    assert ([], "b-1") == (waiting, pushing.reports[0].lead)


def test_only_scores_under_their_own_key_are_pushed():
    """Anything else is refused, as everywhere."""
    check_record(a_score(), b"acme|ada")
    with pytest.raises(PoisonRecordError, match="key"):
        check_record(a_score(), b"acme|bob")
    assert Topic.SCORES_PUBLISHED == push_batch.SOURCES[0]
