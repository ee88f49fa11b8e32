from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest

from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.sink import HubSpotSink
from schemas.errors import RetriableError
from tests.fakes import hubspot, salesforce
from tests.fakes.server import Server


class Directory:
    """Leads' e-mail addresses, as a test gives them; `is_away` says of the next times that they are asked for whether they are away."""

    def __init__(self, **emails: str) -> None:
        self.known = emails
        self.is_away: list[bool] = []

    def emails(self, leads: Sequence[str]) -> Mapping[str, str]:
        if self.is_away and self.is_away.pop(0):
            raise RetriableError("no host answers")
        return {lead: self.known[lead] for lead in leads if lead in self.known}


@pytest.fixture
def directory() -> Directory:
    return Directory()


@pytest.fixture
def hub() -> Iterator[hubspot.HubSpot]:
    """A HubSpot account; what was sent and answered kept the vendor's contract, where that is at hand."""
    fake = hubspot.HubSpot()
    yield fake
    assert [] == fake.violations


@pytest.fixture
def hub_url(hub: hubspot.HubSpot) -> Iterator[str]:
    with Server(hub.app) as server:
        yield server.url


@pytest.fixture
def hub_sink(hub_url: str, directory: Directory) -> Callable[..., HubSpotSink]:
    """Makes a sink of the account: a private app's, unless told otherwise."""

    def make(**given: object) -> HubSpotSink:
        credentials = {} if "refresh_token" in given else {"access_token": hubspot.TOKEN}
        return HubSpotSink(HubSpotConfig.model_validate({"base_url": hub_url, "timeout_s": 30.0, **credentials, **given}), directory)

    return make


@pytest.fixture
def org() -> salesforce.Salesforce:
    """A Salesforce org."""
    return salesforce.Salesforce()


@pytest.fixture
def org_url(org: salesforce.Salesforce) -> Iterator[str]:
    with Server(org.app) as server:
        yield server.url
