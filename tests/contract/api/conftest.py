from hashlib import sha256
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from connectors.cassandra.events import StoredEvent
from connectors.cassandra.models import StoredModel
from connectors.cassandra.profiles import StoredProfile
from connectors.cassandra.traits import StoredTrait
from infra.settings import Settings
from schemas.event import Person
from tests.builders import FRIDAY, MONDAY, TENANT, later, won
from tests.results import FakeOverrides, FakeStores, a_metric, a_push, a_score

NOW = FRIDAY
KEYS = {TENANT: "acme-key", "globex": "globex-key"}


@pytest.fixture
def held() -> FakeStores:
    """Two leads of acme, one of globex."""
    return FakeStores(
        scores=[
            *(a_score("ada", sequence=n, propensity=n / 10, account_id="account-7") for n in range(1, 8)),
            a_score("bob", propensity=0.2, account_id="account-7"),
            a_score("eve", propensity=0.9, tenant="globex", account_id="account-8"),
        ],
        events=[(TENANT, "ada", StoredEvent(f"e{n}", "page_viewed", "web", later(MONDAY, hours=n), MONDAY, {}, {"n": n}, {})) for n in range(5)],
        outcomes=[won("ada")],
        profiles={(TENANT, "ada"): StoredProfile("account-7", {"industry": "it"}, {"size": 3.0}, {}, Person(name="Ada"), MONDAY, MONDAY)},
        traits={(TENANT, "ada"): [StoredTrait("industry", "it", "website", MONDAY)]},
        metrics=[
            *(a_metric(at=later(MONDAY, hours=n), value=n / 10) for n in range(6)),
            a_metric("crm.state", value=5.0, model="hubspot"),
            a_metric("crm.pending", value=3.0, model="hubspot"),
        ],
        pushes=[a_push("ada", sequence=6), a_push("ada", sequence=7, propensity=0.7, grade="B1", crm="salesforce")],
        models=[(TENANT, StoredModel(n, MONDAY, "logistic", 10, 9, 8, MONDAY)) for n in range(1, 5)],
    )


@pytest.fixture
def app(held: FakeStores, tmp_path: Path) -> FastAPI:
    """The app over fakes, with two tenants."""
    tenants = tmp_path / "tenants.toml"
    tenants.write_text("".join(f'[{name}]\napi_key_sha256 = ["{sha256(key.encode()).hexdigest()}"]\n' for name, key in KEYS.items()))
    return create_app(Settings(tenants_file=tenants), held.stores(), FakeOverrides(held), lambda: NOW)


@pytest.fixture
def acme(app: FastAPI) -> TestClient:
    """A client of acme."""
    return TestClient(app, headers={"Authorization": f"Bearer {KEYS[TENANT]}"}, raise_server_exceptions=False)


@pytest.fixture
def globex(app: FastAPI) -> TestClient:
    """A client of globex."""
    return TestClient(app, headers={"X-Api-Key": KEYS["globex"]}, raise_server_exceptions=False)


@pytest.fixture
def stranger(app: FastAPI) -> TestClient:
    """A client without a key."""
    return TestClient(app, raise_server_exceptions=False)
