from hashlib import sha256
from pathlib import Path

from fastapi.testclient import TestClient

from api.app import create_app
from connectors.cassandra.config import CassandraConfig
from connectors.cassandra.writer import ResultsWriter
from infra.cassandra import prepare_keyspace
from infra.settings import Settings
from schemas.event import PROFILE_UPDATED
from tests.builders import MONDAY, TENANT, won
from tests.results import a_metric, a_model, a_score, an_enriched


def test_what_was_written_is_answered(cassandra: CassandraConfig, tmp_path: Path):
    """From the writer to every route, over a real Cassandra; before the tables are there, the API is live and not ready."""
    tenants = tmp_path / "tenants.toml"
    tenants.write_text(f'[{TENANT}]\napi_key_sha256 = ["{sha256(b"key").hexdigest()}"]\n')
    app = create_app(Settings(cassandra=cassandra, tenants_file=tenants))
    with TestClient(app, headers={"Authorization": "Bearer key"}) as client:
        assert [200, 503] == [client.get(f"/health/{what}").status_code for what in ("live", "ready")]
        prepare_keyspace(cassandra)
        with ResultsWriter(cassandra) as writer:
            scores = [a_score(), a_score("cleo", propensity=0.3), a_score("bob", propensity=0.8, account_id="lovelace")]
            told = an_enriched(at=MONDAY, type=PROFILE_UPDATED, source="website", texts={"plan": "pro"}, numbers={}, profile_texts={"plan": "pro"})
            writer.write([an_enriched(at=MONDAY), told, *scores, won(), a_metric(), a_model()], {})

        assert 200 == client.get("/health/ready").status_code
        lead = client.get("/v1/leads/ada").json()
        assert (0.4, "won", "2026-03-02T09:00:00.000Z") == (lead["score"]["propensity"], lead["outcome"]["outcome"], lead["profile"]["first_seen"])
        assert ["bob", "cleo"] == [item["lead"] for item in client.get("/v1/leads").json()["items"]]
        assert {"plan": {"value": "pro", "source": "website", "at": "2026-03-02T09:00:00.000Z"}} == lead["profile"]["provenance"]
        assert ("bob", 0.8) == (client.get("/v1/accounts/lovelace").json()["best"]["lead"], client.get("/v1/accounts/lovelace").json()["score"])
        assert ["bob"] == [item["lead"] for item in client.get("/v1/accounts/lovelace/leads").json()["items"]]
        paths = ("/v1/leads/ada/scores", "/v1/leads/ada/events", "/v1/models", "/v1/metrics", "/v1/metrics?name=auc")
        assert [1] * 5 == [len(client.get(path).json()["items"]) for path in paths]
