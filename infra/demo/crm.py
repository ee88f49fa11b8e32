"""The demo's CRM: a fake HubSpot in a process of its own, the tenant's account there, and what it shows at the end."""

import asyncio
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from itertools import islice
from statistics import median
from typing import Any, NamedTuple

import httpx
from cryptography.fernet import Fernet
from pydantic import SecretStr

from connectors.crm.fields import GRADE, LEAD_ID
from connectors.hubspot.sink import CONTACTS, PREFIX
from connectors.kafka.consumer import read_records
from connectors.kafka.registry import Registry
from infra.crm.accounts import crm_accounts, sink_of
from infra.sealing import seal
from infra.settings import Settings
from infra.stack import ports
from schemas.errors import RetriableError
from schemas.push import DELIVERED, PushReport
from schemas.topics import Topic

FAKE = "tests.fakes.hubspot"
"""In a checkout: what ships knows real CRMs only."""
PAGE = 100
"""Contacts in a request, as HubSpot has it."""
RULES = '{ settle = "PT1S", move_settle = "PT5S", min_interval = "PT5S", fall_settle = "PT5S" }'
"""Half a year passes in a minute: with the rules of real life each lead would be pushed once."""


class FakeCrm(NamedTuple):
    """A fake account, and the keys that seal its token."""

    url: str
    token: str
    keys: str

    @property
    def command(self) -> tuple[str, ...]:
        """Module and arguments of its program; the token is in its environment."""
        return (FAKE, "--port", self.url.rpartition(":")[2])

    def table(self, tenant: str) -> str:
        """The tenant's account, for the tenants file."""
        sealed = seal(self.token, SecretStr(self.keys))
        url = json.dumps(self.url)
        said = {"base_url": url, "access_token": json.dumps(sealed), "creates": "true", "matches": "false", "rules": RULES}
        return "\n".join([f"[{json.dumps(tenant)}.crm.hubspot]", *(f"{name} = {value}" for name, value in said.items()), ""])


class InCrm(NamedTuple):
    """What the CRM shows beside what the API says.

    Parameters
    ----------
    leads
        That the API has a grade of.
    contacts
        Of them, those that the CRM has.
    in_step
        Of them, those that show the API's grade.
    pushes, scores
        Contacts written, and scores published.
    delay_s
        Median time from the moment a grade changed to the CRM's answer, its settling time included; None: no grade changed.
    best
        Lead → the API's grade and the CRM's, of the first leads.
    """

    leads: int
    contacts: int
    in_step: int
    pushes: int
    scores: int
    delay_s: float | None
    best: Mapping[str, tuple[str, str]]


class _NoAddresses:
    def emails(self, leads: Sequence[str]) -> Mapping[str, str]:  # noqa: ARG002 - the protocol's name
        return {}


def fake_crm() -> FakeCrm | None:
    """A fake to be started on a free port; None outside of a checkout, which has none."""
    try:
        has_fake = find_spec(FAKE) is not None
    except ModuleNotFoundError:
        has_fake = False
    return FakeCrm(f"http://{ports.LOOPBACK}:{ports.free_port()}", "pat-of-the-demo", Fernet.generate_key().decode()) if has_fake else None


def is_ready(url: str) -> bool:
    """Whether the fake answers, whatever it says."""
    try:
        httpx.get(url, timeout=5, trust_env=False)
    except httpx.HTTPError:
        return False
    return True


def set_up(settings: Settings) -> list[str]:
    """Make the fields of every account; gives their names."""

    async def made() -> list[str]:
        names: list[str] = []
        for account in crm_accounts(settings):
            sink = sink_of(account, _NoAddresses(), keys=settings.secrets_keys, clock=time.time)  # noqa: TID251 - a program's entry
            try:
                names += await sink.set_up()
            finally:
                await sink.close()
        return names

    return asyncio.run(made())


def compare(settings: Settings, crm: FakeCrm, leads: Iterable[Mapping[str, Any]], *, scores: int, best: int) -> InCrm:
    """Ask the CRM for every lead of the API's, best first, and Kafka for what was reported of pushes.

    Raises
    ------
    RetriableError
        The CRM or Kafka is away.
    """
    codec = Registry(settings.kafka).codec()
    reports = [codec.decode_as(PushReport, record.value) for record in read_records(settings.kafka, Topic.PUSHES_REPORTED)]
    delivered = [report for report in reports if report.status == DELIVERED]
    delays = [(report.reported_at - report.due_since) / 1_000 for report in delivered if report.cause == "grade"]
    ours: dict[str, str] = {}
    theirs: dict[str, str] = {}
    for page in _pages(leads):
        ours |= page
        theirs |= _grades(crm, list(page))
    return InCrm(
        leads=len(ours),
        contacts=len(theirs),
        in_step=sum(theirs.get(lead) == grade for lead, grade in ours.items()),
        pushes=len(delivered),
        scores=scores,
        delay_s=median(delays) if delays else None,
        best={lead: (grade, theirs.get(lead, "")) for lead, grade in islice(ours.items(), best)},
    )


def _pages(leads: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    rest = iter(leads)
    while page := {str(lead["lead"]): str(lead["grade"]) for lead in islice(rest, PAGE)}:
        yield page


def _grades(crm: FakeCrm, leads: Sequence[str]) -> dict[str, str]:
    """Lead → grade, as the vendor's API tells anybody who asks."""
    key, grade = f"{PREFIX}{LEAD_ID}", f"{PREFIX}{GRADE}"
    body = {"idProperty": key, "inputs": [{"id": lead} for lead in leads], "properties": [key, grade], "propertiesWithHistory": []}
    try:
        headers = {"Authorization": f"Bearer {crm.token}"}
        answer = httpx.post(f"{crm.url}{CONTACTS}/batch/read", json=body, headers=headers, timeout=30, trust_env=False).raise_for_status()
    except httpx.HTTPError as exc:
        raise RetriableError(f"the demo's CRM does not answer: {type(exc).__name__}") from exc
    return {contact["properties"][key]: contact["properties"].get(grade, "") for contact in answer.json()["results"]}
