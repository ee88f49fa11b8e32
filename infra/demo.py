"""`make demo`: the whole system on this machine, fed with journeys or a real data set, down to the best leads."""

import hashlib
import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from connectors.kafka.lag import lag
from infra import feed, retention
from infra.pace import parse_speed
from infra.settings import Settings
from infra.stack import Stack, deploy, ports, process, signals
from infra.stack.progress import Shown
from schemas.errors import FatalError, RetriableError
from schemas.policy import TenantPolicy
from schemas.topics import Topic

TENANT = "demo"
STEPS: Mapping[str, tuple[Topic, ...]] = {
    "enrich_events": (Topic.EVENTS_RECEIVED,),
    "score_leads": (Topic.EVENTS_ENRICHED, Topic.OUTCOMES_RECEIVED),
    "learn_models": (Topic.EXAMPLES_MATURED,),
    "store_results": (Topic.EVENTS_ENRICHED, Topic.OUTCOMES_RECEIVED, Topic.SCORES_PUBLISHED, Topic.METRICS_PUBLISHED, Topic.MODELS_PUBLISHED),
}
"""Job → what it reads, in the order of the flow: when the steps before have committed all, what this one must read is complete."""

API_READY_WITHIN_S = 60.0
POLL_S = 0.5
BEST = 10

OnLag = Callable[[int], None]


class Demo:
    """One run: its own topics, keyspace and API key, so that a run never meets what an earlier one left."""

    def __init__(self, stack: Stack, console: Console, manifest: Path | None) -> None:
        self.stack = stack
        self.console = console
        self.manifest = manifest
        self.tenant, self._policy = feed.tenant_of(manifest) if manifest else (TENANT, TenantPolicy())
        self.key = secrets.token_urlsafe(24)
        self.name = f"demo_{datetime.now(UTC):%Y%m%d_%H%M%S}"  # noqa: TID251 - an entry point: a run is named for when it began
        self.programs: dict[str, process.Identity] = {}
        self.settings = Settings()

    @property
    def url(self) -> str:
        """Where the API is."""
        return f"http://{self.settings.api.host}:{self.settings.api.port}"

    def prepare(self) -> None:
        """Servers, topics, schemas and tables of this run."""
        self.stack.start()
        os.environ.update(self._environment())
        self.settings = Settings.from_environment()
        policy = retention.POLICY.for_replays()
        with Shown(self.console).starting("topics, schemas"):
            deploy.deploy_topics(self.settings.kafka, policy)
            deploy.deploy_schemas(self.settings.kafka)
        with Shown(self.console).starting("tables"):
            deploy.deploy_tables(self.settings.cassandra, policy)

    def _environment(self) -> dict[str, str]:
        run_dir = self.stack.run_dir
        wanted = Settings().api.port
        tenants = run_dir / "tenants.toml"
        tenants.write_text(tenant_table(self.tenant, self._policy, self.key), encoding="utf-8")
        return {
            **self.stack.addresses.environment(run_dir),
            "PROX_KAFKA__TOPIC_PREFIX": f"{self.name}.",
            "PROX_CASSANDRA__KEYSPACE": self.name,
            "PROX_FLINK__CHECKPOINT_DIR": (run_dir / "checkpoints" / self.name).as_uri(),
            "PROX_TENANTS_FILE": str(tenants),
            "PROX_API__PORT": str(wanted if ports.is_free(wanted) else ports.free_port()),
        }

    def start_programs(self) -> None:
        """The jobs and the API, each a process of its own; returns when the API is ready."""
        self.programs["jobs"] = self._spawn("jobs", "all", "--local")
        self.programs["api"] = self._spawn("api")
        with Shown(self.console).starting("api"):
            due = time.monotonic() + API_READY_WITHIN_S
            while not self._is_ready():
                self.check_alive()
                if time.monotonic() > due:
                    raise FatalError(f"the API is not ready after {API_READY_WITHIN_S:.0f} s: see {self._log('api')}")
                time.sleep(POLL_S)

    def _spawn(self, module: str, *args: str) -> process.Identity:
        identity = process.spawn([sys.executable, "-m", module, *args], log=self._log(module))
        process.write_pid_file(self.stack.run_dir / "pids" / f"demo-{module}.json", identity)
        return identity

    def _log(self, module: str) -> Path:
        return self.stack.run_dir / "logs" / f"{self.name}-{module}.log"

    def _is_ready(self) -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/health/ready", timeout=5, trust_env=False).is_success
        return False

    def check_alive(self) -> None:
        """Refuse to wait for a program that has ended.

        Raises
        ------
        FatalError
            Which one, and where its log is.
        """
        for name, identity in self.programs.items():
            if not identity.is_running:
                raise FatalError(f"{name} ended ({identity.exit_code}) before the work was done: see {self._log(name)}")

    def stop_programs(self) -> None:
        """Stop the jobs and the API, by pid."""
        with signals.ignored():
            for name in reversed(self.programs):
                self.programs[name].stop(30.0)
                (self.stack.run_dir / "pids" / f"demo-{name}.json").unlink(missing_ok=True)

    def remaining(self) -> int:
        """Records that are on their way: no job has read them, or not yet made its results safe."""
        return sum(lag(self.settings.kafka, f"prox.{job}", topic) for job, topics in STEPS.items() for topic in topics)

    def wait_until_stored(self, on_lag: OnLag) -> None:
        """Wait until every event is scored and every score is stored.

        Raises
        ------
        FatalError
            A program ended.
        """
        while (left := self.remaining()) > 0:
            on_lag(left)
            self.check_alive()
            time.sleep(POLL_S)
        on_lag(0)

    def ask(self, path: str, **params: str | int) -> Any:
        """An answer of the API.

        Raises
        ------
        RetriableError
            It refused, or is away.
        """
        try:
            answer = httpx.get(f"{self.url}{path}", params=params, headers={"X-Api-Key": self.key}, timeout=30, trust_env=False)
            return answer.raise_for_status().json()
        except httpx.HTTPError as exc:
            raise RetriableError(f"the API did not answer {path}: {exc}; see {self._log('api')}") from exc


def programs_left(run_dir: Path) -> list[process.Identity]:
    """Programs of a demo that was ended so hard that it could not stop them."""
    found = (process.read_pid_file(path) for path in (run_dir / "pids").glob("demo-*.json"))
    return [identity for identity in found if identity is not None]


def tenant_table(tenant: str, policy: TenantPolicy, key: str) -> str:
    """The tenants file for one tenant and one API key.

    A JSON string is a TOML string too, and a list of them a TOML array.
    """
    return f"""\
[{json.dumps(tenant)}]
attribution_window = {0 if policy.window_ms is None else policy.window_ms // 1000}
skip_types = {json.dumps(sorted(policy.skip_types))}
is_repeatable = {json.dumps(policy.is_repeatable)}
prior = {policy.prior}
api_key_sha256 = [{json.dumps(hashlib.sha256(key.encode()).hexdigest())}]
"""


def best_leads(page: Mapping[str, Any]) -> Table:
    """Whom to call first."""
    table = Table("lead", "propensity", "grade", "as of", title="Best leads", title_justify="left")
    for lead in page["items"]:
        table.add_row(lead["lead"], f"{lead['propensity']:.3f}", lead["grade"], lead["as_of"])
    return table


def quality(page: Mapping[str, Any]) -> Table:
    """How good the model was: each prediction counted once, before its label was learned."""
    table = Table("prequential", "model", "value", "points", title="Quality", title_justify="left")
    for metric in page["items"]:
        value = "-" if metric["value"] is None else f"{metric['value']:.4f}"
        table.add_row(metric["name"], metric["model"], value, f"{metric['points']:,}")
    return table


def run(console: Console, run_dir: Path, manifest: Path | None, speed: float | None, leads: int) -> None:
    """The demo, from nothing to the table of best leads; everything it started is stopped, whatever happens."""
    with signals.raised(), ExitStack() as cleanup:
        stack = cleanup.enter_context(Stack(run_dir, Shown(console)))
        demo = Demo(stack, console, manifest)
        demo.prepare()
        cleanup.callback(demo.stop_programs)
        demo.start_programs()
        _feed_and_wait(demo, speed, leads)
        console.print(best_leads(demo.ask("/v1/leads", limit=BEST)))
        console.print(quality(demo.ask("/v1/metrics")))
        _say_how_to_go_on(demo)
        if sys.stdin.isatty() and console.is_terminal:
            _stay(demo)


def _feed_and_wait(demo: Demo, speed: float | None, leads: int) -> None:
    columns = (TextColumn("{task.description:<20}"), BarColumn(30), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=demo.console, disable=not demo.console.is_terminal) as progress:
        fed = progress.add_task("feed")

        def show(done: int, total: int | None) -> None:
            demo.check_alive()
            progress.update(fed, completed=done, total=total)

        if demo.manifest:
            published = feed.replay(demo.settings, demo.manifest, speed, on_progress=show)
        else:
            published = feed.simulate(demo.settings, leads=leads, tenant=demo.tenant, speed=speed, on_progress=show)
        demo.console.print(f"fed {published.events:,} events and {published.outcomes:,} outcomes of {demo.tenant}")
        stored = progress.add_task("score, learn, store")
        most = 0

        def show_lag(left: int) -> None:
            nonlocal most
            most = max(most, left)
            progress.update(stored, completed=most - left, total=most)

        demo.wait_until_stored(show_lag)


def _say_how_to_go_on(demo: Demo) -> None:
    demo.console.print(f"\nAPI: {demo.url}/docs", soft_wrap=True)
    demo.console.print(f"  curl -s -H 'X-Api-Key: {demo.key}' '{demo.url}/v1/leads?grade=A'", soft_wrap=True, markup=False, highlight=False)


def _stay(demo: Demo) -> None:
    demo.console.print("Ctrl-C stops everything that the demo started.")
    with suppress(KeyboardInterrupt):
        while True:
            demo.check_alive()
            time.sleep(POLL_S)


def register(app: typer.Typer) -> None:
    """Give the command line `demo`."""
    app.command("demo")(_demo)


def _demo(
    data: Annotated[Path | None, typer.Option(help="manifest.toml of a real data set; simulated journeys when left out")] = None,
    speed: Annotated[str, typer.Option(help="event time by wall time, as in 1000x, or max")] = "max",
    leads: Annotated[int, typer.Option(min=1, help="how many leads are simulated")] = 500,
) -> None:
    """All jobs, the API and a stream of events, down to a table of the best leads."""
    run(Console(), Settings.from_environment().run_dir, data, parse_speed(speed), leads)
