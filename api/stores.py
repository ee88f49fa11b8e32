"""What the API asks of its stores, and the stores that Cassandra backs."""

from collections.abc import Callable, Set
from dataclasses import dataclass
from typing import Protocol

from connectors.cassandra.accounts import AccountStore
from connectors.cassandra.aliases import AliasStore
from connectors.cassandra.client import CassandraClient
from connectors.cassandra.config import CassandraConfig
from connectors.cassandra.events import EventStore, StoredEvent
from connectors.cassandra.leads import LeadStore, RankedLead, Standing
from connectors.cassandra.links import LinkStore
from connectors.cassandra.metrics import MetricStore
from connectors.cassandra.models import ModelStore, StoredModel
from connectors.cassandra.outcomes import OutcomeStore
from connectors.cassandra.overrides import OverrideStore
from connectors.cassandra.page import Moment, Page
from connectors.cassandra.profiles import ProfileStore, StoredProfile
from connectors.cassandra.pushes import Pushed, PushStore
from connectors.cassandra.scores import ScoreStore
from connectors.cassandra.traits import StoredTrait, TraitStore
from schemas.crm_link import CrmLink
from schemas.ids import Millis
from schemas.metric import Metric
from schemas.outcome import Outcome
from schemas.override import Override
from schemas.score import LeadScore

REQUEST_TIMEOUT_S = 2.0
"""A person waits: better an honest 503 than a late answer."""

MIGRATED = "SELECT name FROM schema_migrations WHERE name = ?"


class Scores(Protocol):
    """What is this lead's score now; how did it move."""

    def latest(self, tenant: str, lead: str) -> LeadScore | None: ...  # noqa: D102 — as in connectors.cassandra.scores
    def history(  # noqa: D102
        self, tenant: str, lead: str, *, since: Millis, until: Millis, limit: int, after: Moment | None = None
    ) -> Page[LeadScore, Moment]: ...


class Events(Protocol):
    """What did this lead do."""

    def history(  # noqa: D102 — as in connectors.cassandra.events
        self, tenant: str, lead: str, *, since: Millis, until: Millis, limit: int, after: Moment | None = None
    ) -> Page[StoredEvent, Moment]: ...


class Leads(Protocol):
    """Whom do I call first."""

    def ranked(  # noqa: D102 — as in connectors.cassandra.leads
        self, tenant: str, *, grades: Set[str], limit: int, after: Standing | None = None
    ) -> Page[RankedLead, Standing]: ...


class Accounts(Protocol):
    """Which leads of a company may buy."""

    def leads_of(self, tenant: str, account: str) -> list[RankedLead]: ...  # noqa: D102 — as in connectors.cassandra.accounts


class Profiles(Protocol):
    """Who is this lead."""

    def profile(self, tenant: str, lead: str) -> StoredProfile | None: ...  # noqa: D102 — as in connectors.cassandra.profiles


class Traits(Protocol):
    """Who said what of a lead."""

    def of_lead(self, tenant: str, lead: str) -> list[StoredTrait]: ...  # noqa: D102 — as in connectors.cassandra.traits


class Outcomes(Protocol):
    """What happened to a lead."""

    def latest(self, tenant: str, lead: str) -> Outcome | None: ...  # noqa: D102 — as in connectors.cassandra.outcomes


class Pushes(Protocol):
    """What was pushed of a lead."""

    def latest(self, tenant: str, lead: str) -> list[Pushed]: ...  # noqa: D102 — as in connectors.cassandra.pushes


class Links(Protocol):
    """Which records of CRMs stand for a lead."""

    def of_lead(self, tenant: str, lead: str) -> list[CrmLink]: ...  # noqa: D102 — as in connectors.cassandra.links


class Overrides(Protocol):
    """What people decided."""

    OLDEST: Millis

    def latest(self, tenant: str, lead: str) -> Override | None: ...  # noqa: D102 — as in connectors.cassandra.overrides
    def of_lead(self, tenant: str, lead: str, *, limit: int, after: Moment | None = None) -> Page[Override, Moment]: ...  # noqa: D102
    def of_tenant(  # noqa: D102
        self, tenant: str, *, since: Millis, until: Millis, limit: int, after: Moment | None = None
    ) -> Page[Override, Moment]: ...


class Aliases(Protocol):
    """Which lead does an id stand for."""

    def lead_of(self, tenant: str, name: str) -> str | None: ...  # noqa: D102 — as in connectors.cassandra.aliases
    def aliases_of(self, tenant: str, lead: str) -> list[str]: ...  # noqa: D102 — as in connectors.cassandra.aliases


class Metrics(Protocol):
    """How good is the model."""

    def latest(self, tenant: str) -> list[Metric]: ...  # noqa: D102 — as in connectors.cassandra.metrics
    def history(  # noqa: D102
        self, tenant: str, name: str, *, since: Millis, until: Millis, limit: int, after: Moment | None = None
    ) -> Page[Metric, Moment]: ...


class Models(Protocol):
    """Which models were published."""

    def versions(self, tenant: str, *, limit: int, after: int | None = None) -> Page[StoredModel, int]: ...  # noqa: D102 — as in connectors.cassandra.models


@dataclass(frozen=True, slots=True)
class Stores:
    """One store for each question.

    Parameters
    ----------
    ping
        Returns if the stores can answer; raises a ProxError if not.
    close
        Ends their connections.
    """

    scores: Scores
    events: Events
    leads: Leads
    accounts: Accounts
    profiles: Profiles
    traits: Traits
    outcomes: Outcomes
    pushes: Pushes
    links: Links
    overrides: Overrides
    aliases: Aliases
    metrics: Metrics
    models: Models
    ping: Callable[[], None]
    close: Callable[[], None]


def cassandra_stores(config: CassandraConfig) -> Stores:
    """The stores on one connection, which is opened by the first question."""
    client = CassandraClient(config, request_timeout_s=REQUEST_TIMEOUT_S)

    def ping() -> None:
        client.row(MIGRATED, ("any",))

    return Stores(
        scores=ScoreStore(client),
        events=EventStore(client),
        leads=LeadStore(client),
        accounts=AccountStore(client),
        profiles=ProfileStore(client),
        traits=TraitStore(client),
        outcomes=OutcomeStore(client),
        pushes=PushStore(client),
        links=LinkStore(client),
        overrides=OverrideStore(client),
        aliases=AliasStore(client),
        metrics=MetricStore(client),
        models=ModelStore(client),
        ping=ping,
        close=client.close,
    )
