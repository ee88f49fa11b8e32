"""What routes depend on, as aliases: the tenant, the stores, and the parameters that several share."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Depends, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from api.cursors import MAX_CURSOR_LENGTH
from api.decisions import Decisions
from api.keys import KeyRing
from api.paths import segment
from api.problems import ProblemError
from api.stores import Stores
from connectors.cassandra.admission import END_OF_TIME
from schemas.ids import Millis
from schemas.policy import TenantPolicy

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_bearer = HTTPBearer(auto_error=False, description="An API key of the tenant.")
_header = APIKeyHeader(name="X-Api-Key", auto_error=False, description="The same, for clients that cannot send Authorization.")


def _stores(request: Request) -> Stores:
    stores: Stores = request.app.state.stores
    return stores


def _tenant(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    header: Annotated[str | None, Depends(_header)],
) -> str:
    keys: KeyRing = request.app.state.keys
    given = bearer.credentials if bearer else header
    tenant = keys.tenant_of(given) if given else None
    if tenant is None:
        why = "The API key is unknown." if given else "An API key is needed: send `Authorization: Bearer KEY` or `X-Api-Key: KEY`."
        raise ProblemError(401, "unauthorized", why, headers={"WWW-Authenticate": 'Bearer realm="prox"'})
    return tenant


def _decisions(request: Request) -> Decisions:
    decisions: Decisions = request.app.state.decisions
    return decisions


def _clock(request: Request) -> Callable[[], Millis]:
    clock: Callable[[], Millis] = request.app.state.clock
    return clock


StoresDep = Annotated[Stores, Depends(_stores)]
DecisionsDep = Annotated[Decisions, Depends(_decisions)]
ClockDep = Annotated[Callable[[], Millis], Depends(_clock)]
TenantDep = Annotated[str, Depends(_tenant)]


def _policy(request: Request, tenant: TenantDep) -> TenantPolicy:
    policies: Mapping[str, TenantPolicy] = request.app.state.policies
    return policies.get(tenant, TenantPolicy())


PolicyDep = Annotated[TenantPolicy, Depends(_policy)]
LeadPath = Annotated[
    str,
    BeforeValidator(segment),
    Path(min_length=1, max_length=1_024, description="The lead's pseudonymous id; a slash in it is written `%2F`.", examples=["lead-42"]),
]
AccountPath = Annotated[
    str,
    BeforeValidator(segment),
    Path(min_length=1, max_length=1_024, description="The company's id as events say it; a slash in it is written `%2F`.", examples=["account-7"]),
]


LISTS = frozenset({"grade"})
"""Query parameters that may be repeated."""


def query_once(request: Request, _: TenantDep) -> None:
    """Refuse a query that says a parameter twice: the last one would count, and the others be ignored without a word."""
    counts = Counter(name for name, _ in request.query_params.multi_items())
    repeated = sorted(name for name, count in counts.items() if count > 1 and name not in LISTS)
    if repeated:
        raise RequestValidationError([{"type": "repeated", "loc": ("query", name), "msg": "Say it once", "input": None} for name in repeated])


class Paging(BaseModel):
    """How much of an answer, and from where."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=50, ge=1, le=500, description="Items of one page at most.")
    cursor: str | None = Field(default=None, max_length=MAX_CURSOR_LENGTH, description="`next` of the page before; opaque.")


class Span(Paging):
    """A part of a history."""

    since: AwareDatetime = Field(default=EPOCH, alias="from", description="Not earlier than this. ISO-8601 with an offset.")
    until: AwareDatetime = Field(
        default=EPOCH + timedelta(milliseconds=END_OF_TIME), alias="to", description="Earlier than this. ISO-8601 with an offset."
    )

    def since_ms(self) -> Millis:
        """The first millisecond of the span."""
        return _millis(self.since)

    def until_ms(self) -> Millis:
        """The millisecond after the span."""
        return _millis(self.until)


SpanDep = Annotated[Span, Query()]
PagingDep = Annotated[Paging, Query()]


def _millis(at: datetime) -> Millis:
    """Milliseconds, rounded up: rows are whole milliseconds, so [from, to) keeps its meaning."""
    ms = -((EPOCH - at) // timedelta(milliseconds=1))
    return Millis(min(max(ms, 0), END_OF_TIME))
