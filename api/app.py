"""The app: settings and stores in, FastAPI out."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from anyio import to_thread
from fastapi import Depends, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from api import problems
from api.decisions import Decisions, KafkaDecisions
from api.deps import query_once
from api.keys import KeyRing
from api.paths import EncodedSlashes
from api.routes import accounts, crm, health, leads, metrics, models, overrides
from api.stores import Stores, cassandra_stores
from infra.settings import Settings
from schemas.ids import Millis

VERSION = "1.0.0"
"""Of the API, which is not the release's."""

DESCRIPTION = "What is this lead's score, how did it get there, whom do I call first. Every error is an RFC 9457 problem."


def create_app(
    settings: Settings, stores: Stores | None = None, decisions: Decisions | None = None, clock: Callable[[], Millis] | None = None
) -> FastAPI:
    """The API over these settings.

    Parameters
    ----------
    settings
        Tenants and their keys are read now; a change of the tenants file needs a restart.
    stores
        What answers; by default, Cassandra, to which it connects when first asked.
    decisions
        Where people's decisions go; by default, Kafka, to which it connects at the first one.
    clock
        Milliseconds since 1970; by default, the wall clock.
    """
    answering = stores or cassandra_stores(settings.cassandra)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await to_thread.run_sync(answering.close)

    app = FastAPI(
        title="ProX", version=VERSION, description=DESCRIPTION, lifespan=lifespan, generate_unique_id_function=_operation_id, redirect_slashes=False
    )
    app.state.stores = answering
    app.state.decisions = decisions or KafkaDecisions(settings.kafka)
    app.state.clock = clock or (lambda: Millis(time.time_ns() // 1_000_000))
    app.state.policies = settings.policies()
    app.state.keys = KeyRing(settings.tenants())
    for router in (leads.router, accounts.router, overrides.router, models.router, metrics.router, crm.router):
        app.include_router(router, dependencies=[Depends(query_once)])
    app.include_router(health.router)
    app.add_middleware(EncodedSlashes)
    problems.install(app)
    app.openapi = partial(_document, app)  # type: ignore[method-assign]  # FastAPI's own way to extend the document
    return app


def _document(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        app.openapi_schema = problems.documented(document)
    return app.openapi_schema


def _operation_id(route: APIRoute) -> str:
    return route.name
