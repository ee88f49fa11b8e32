"""`push_scores` on a session cluster, killed while it pushes to a CRM that fails: nothing is lost, nothing turns back."""

import secrets
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.crm.delivery.gate import State
from connectors.crm.status import STATES
from connectors.kafka.consumer import read_records
from infra.stack import Stack
from infra.stack.flink import FlinkCluster
from jobs.operators.wall_clock import now_ms
from schemas.ids import lead_key
from schemas.metric import Metric
from schemas.push import PushReport
from schemas.score import LeadScore
from schemas.topics import Topic
from tests.e2e.deployment import Deployment
from tests.e2e.waiting import until
from tests.fakes import hubspot
from tests.fakes.faults import Fault, Faults
from tests.fakes.server import Server
from tests.results import a_score
from tests.sealed import KEYS, VARIABLE, sealed

pytestmark = pytest.mark.timeout(1_800)  # the first test waits for servers and jobs, on cores that others may use too

LEADS = 400
REVOKED = "globex"
"""A tenant whose token its CRM refuses."""
FAULTS = (Fault.THROTTLED, Fault.UNAVAILABLE, Fault.SERVER_ERROR, Fault.RESET_BEFORE, Fault.RESET_AFTER, Fault.LOCKED)


@pytest.fixture(scope="module")
def hub() -> Iterator[tuple[hubspot.HubSpot, str]]:
    fake = hubspot.HubSpot(faults=Faults(seed=7, share=0.3, kinds=FAULTS))
    fake.set_up()
    with Server(fake.app) as server:
        yield fake, server.url


@pytest.fixture(scope="module")
def deployment(
    stack: Stack, flink_cluster: FlinkCluster, hub: tuple[hubspot.HubSpot, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """The job at parallelism 1: one tenant is one lane."""
    flink_cluster.start()
    tenants = Path(tmp_path_factory.mktemp("tenants")) / "tenants.toml"
    rules = '{ settle = "PT0.5S", move_settle = "PT1S", min_interval = "PT1S", fall_settle = "PT1S" }'
    common = f'base_url = "{hub[1]}"\ncreates = true\nmatches = false\nrules = {rules}\n'
    tokens = {"acme": hubspot.TOKEN, REVOKED: "pat-that-was-revoked"}
    tenants.write_text("".join(f'[{tenant}.crm.hubspot]\naccess_token = "{sealed(token)}"\n{common}' for tenant, token in tokens.items()))
    variables = {"PROX_TENANTS_FILE": str(tenants), **VARIABLE}
    deployed = Deployment(stack, flink_cluster, f"t_push_scores_{secrets.token_hex(4)}", variables)
    deployed.prepare(has_tables=False)
    deployed.submit("push_scores", parallelism=1)
    yield deployed
    deployed.cancel()


def _publish(deployment: Deployment, sequence: int) -> list[LeadScore]:
    scores = [a_score(f"lead-{n}", sequence=sequence, propensity=((n * 37 + sequence * 61) % 100) / 100, scored_at=now_ms()) for n in range(LEADS)]
    for score in scores:
        deployment.producer.publish(Topic.SCORES_PUBLISHED, score, key=lead_key(score.tenant, score.lead), at=score.scored_at)
    deployment.producer.flush()
    return scores


def test_a_killed_job_and_a_failing_crm_lose_nothing(deployment: Deployment, hub: tuple[hubspot.HubSpot, str]):
    """Each contact shows its lead's latest grade, no older score was written over a newer one, and each push is reported."""
    fake, _ = hub
    _publish(deployment, 1)
    until(lambda: len(fake.contacts) > LEADS // 4, "the first contacts")
    _publish(deployment, 2)
    deployment.kill_host_of(("push_scores",))
    latest = {score.lead: score.grade for score in _publish(deployment, 3)}
    until(lambda: latest == {contact["prox_lead_id"]: contact["prox_grade"] for contact in fake.contacts.values()}, "every contact shows the latest")

    revisions: defaultdict[str, list[str]] = defaultdict(list)
    for _, written in fake.writes:
        revisions[written["prox_lead_id"]].append(written["prox_revision"])
    assert all(sorted(of_lead) == of_lead for of_lead in revisions.values())
    assert 0 == fake.exceeded

    def delivered() -> set[str]:
        return {
            report.lead
            for report in deployment.read(Topic.PUSHES_REPORTED, PushReport)
            if report.status == "delivered" and report.grade == latest[report.lead]
        }

    until(lambda: len(delivered()) == LEADS, "a report of every lead")


def test_a_revoked_token_stops_its_tenant_alone(deployment: Deployment, hub: tuple[hubspot.HubSpot, str]):
    """Its status says why and its pushes are kept; the other tenant's go out meanwhile."""
    score = a_score("eve", tenant=REVOKED, scored_at=now_ms())
    deployment.producer.publish(Topic.SCORES_PUBLISHED, score, key=lead_key(score.tenant, score.lead), at=score.scored_at)
    latest = {score.lead: score.grade for score in _publish(deployment, 4)}

    def state() -> list[float]:
        return [m.value for m in deployment.read(Topic.METRICS_PUBLISHED, Metric) if (m.tenant, m.name) == (REVOKED, "crm.state")]

    until(lambda: STATES.index(State.UNAUTHORIZED) in state(), "the status of the tenant without a token")
    until(lambda: latest == {c["prox_lead_id"]: c["prox_grade"] for c in hub[0].contacts.values()}, "the other tenant's contacts")
    assert {"acme"} == {report.tenant for report in deployment.read(Topic.PUSHES_REPORTED, PushReport)}


def test_no_secret_is_in_what_the_cluster_wrote(flink_cluster: FlinkCluster, deployment: Deployment):
    """Logs, checkpoints, blobs and what is published: the key is in the TaskManagers' environment alone."""
    secrets_opened = [secret.encode() for secret in (hubspot.TOKEN, "pat-that-was-revoked", KEYS)]
    written = [p for folder in (flink_cluster.home, flink_cluster.run_dir / "logs") for p in folder.rglob("*") if p.is_file() and p.suffix != ".jar"]
    topics = (Topic.METRICS_PUBLISHED, Topic.RECORDS_DEAD, Topic.PUSHES_REPORTED)
    published = [record.value for topic in topics for record in read_records(deployment.kafka, topic)]

    assert written
    assert [] == [path for path in written if any(secret in _read(path) for secret in secrets_opened)]
    assert [] == [value for value in published if any(secret in value for secret in secrets_opened)]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:  # RocksDB has compacted it meanwhile
        return b""
