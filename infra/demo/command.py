"""The demo from nothing to the table of the best leads, and the end of everything that it started."""

import secrets
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.console import Console

from connectors.kafka.lag import reach
from infra import feed
from infra.demo import crm, journeys, report
from infra.demo.answers import Answers
from infra.demo.deployment import Deployment
from infra.demo.feeding import Feeding
from infra.demo.programs import Programs, claim
from infra.demo.stages import PUSHED, STAGES
from infra.demo.tenant import DemoTenant
from infra.demo.truth import nearness
from infra.demo.watching import Watching
from infra.feed import Fed, OnProgress
from infra.pace import parse_speed
from infra.settings import Settings
from infra.stack import Stack, signals
from infra.stack.progress import Shown
from schemas.policy import TenantPolicy
from schemas.topics import Topic

TENANT = "demo"
BEST = 10
SHOWN = 3
"""Of the CRM's records: enough to see that it is them."""
POLL_S = 0.5
GIVEN_UP_WITHIN_S = 5.0

Feed = Callable[[Settings, OnProgress], Fed]


class Story(NamedTuple):
    """What a demo is fed with, for whom, and what is known to be true of it."""

    tenant: str
    policy: TenantPolicy
    feed: Feed
    truths: Mapping[str, float]


def replayed(manifest: Path, speed: float | None) -> Story:
    """A real data set.

    Raises
    ------
    ConfigError
        Its manifest cannot be read.
    """
    name, policy = feed.tenant_of(manifest)
    return Story(name, policy, lambda settings, show: feed.replay(settings, manifest, speed, on_progress=show), {})


def simulated(leads: int, speed: float | None) -> Story:
    """Journeys whose true propensities are known."""
    plan = journeys.plan(tenant=TENANT, leads=leads, now=feed.wall_clock())
    return Story(TENANT, TenantPolicy(), partial(journeys.publish, plan, speed), plan.truths)


def run(console: Console, run_dir: Path, story: Story, *, stays: bool) -> None:
    """The demo; everything that it started is stopped, whatever happens.

    Parameters
    ----------
    console
        Told what goes on.
    run_dir
        Of the servers: those that run already are used, and left running.
    story
        What happens to the leads.
    stays
        Whether to go on serving after the end, until Ctrl-C.
    """
    with signals.raised():
        cleanup = ExitStack()
        try:
            _run(console, run_dir, story, cleanup, stays=stays)
        finally:
            with signals.ignored(), console.status("stopping"):
                cleanup.close()


def _run(console: Console, run_dir: Path, story: Story, cleanup: ExitStack, *, stays: bool) -> None:
    began = time.monotonic()
    reporter = Shown(console)
    stack = cleanup.enter_context(Stack(run_dir, reporter))
    cleanup.callback(claim(stack.run_dir).unlink, missing_ok=True)
    deployment = Deployment(stack, f"{datetime.now(UTC):%Y%m%d_%H%M%S}")  # noqa: TID251 - an entry point: a run is named for when it began
    deployment.clear_files()
    cleanup.callback(deployment.clear_work)
    stack.start()
    fake = crm.fake_crm()
    tenant = DemoTenant(story.tenant, story.policy, secrets.token_urlsafe(24), "" if fake is None else fake.table(story.tenant))
    settings = deployment.enter(tenant, {} if fake is None else {"PROX_SECRETS_KEYS": fake.keys})
    flow = STAGES if fake is None else (*STAGES, PUSHED)
    programs = Programs(stack.run_dir, deployment.logs, deployment.tmp, stack.services.values(), flow)
    cleanup.callback(programs.stop)
    deployment.make_topics(settings, reporter)
    if fake is not None:
        with reporter.starting("crm"):
            programs.start_crm(fake)
            made = crm.set_up(settings)
        console.print(f"a CRM to push to: {len(made)} properties made in a fake HubSpot at {fake.url}", soft_wrap=True, highlight=False)
    programs.start_jobs()
    deployment.make_tables(settings, reporter)
    answers = Answers(f"http://{settings.api.host}:{settings.api.port}", tenant.key)
    with reporter.starting("api"):
        programs.start_api(answers.url)
    with reporter.starting("jobs"):
        programs.wait_for_jobs()
    variables = deployment.tell_shells(answers.url, answers.key)
    console.print(f"servers, API and jobs are up after {time.monotonic() - began:.0f} s; logs: {deployment.logs}", soft_wrap=True, highlight=False)

    feeding = Feeding(partial(story.feed, settings))
    cleanup.callback(feeding.cancel, GIVEN_UP_WITHIN_S)
    watching = Watching(console, settings, began=began, stages=flow)
    fed = watching.until_settled(feeding, programs.check)
    watching.tell(fed, story.tenant)
    _report(console, answers, story.truths)
    if fake is not None:
        scores = reach(settings.kafka, "nobody", Topic.SCORES_PUBLISHED).total
        shown = crm.compare(settings, fake, answers.every("/v1/leads"), scores=scores, best=SHOWN)
        console.print(report.in_crm(shown))
        console.print(report.pushed(shown), soft_wrap=True, highlight=False)
    if stays:
        _stay(console, answers, variables, programs)


def _report(console: Console, answers: Answers, truths: Mapping[str, float]) -> None:
    console.print(report.best_leads(answers.get("/v1/leads", limit=BEST), truths))
    console.print(report.quality(answers.get("/v1/metrics")))
    if truths:
        published = {lead["lead"]: lead["propensity"] for lead in answers.every("/v1/leads")}
        near = nearness(published, truths)
        if near is not None:
            console.print(report.against_truth(near), soft_wrap=True, highlight=False)


def _stay(console: Console, answers: Answers, variables: Path, programs: Programs) -> None:
    for line in report.how_to_go_on(answers, variables):
        console.print(line, soft_wrap=True, markup=False, highlight=False)
    with suppress(KeyboardInterrupt):
        while True:
            programs.check()
            time.sleep(POLL_S)


def register(app: typer.Typer) -> None:
    """Give the command line `demo`."""
    app.command("demo")(_demo)


def _demo(
    *,
    data: Annotated[Path | None, typer.Option(help="manifest.toml of a real data set; simulated journeys when left out")] = None,
    speed: Annotated[
        str | None, typer.Option(help=f"event time by wall time, as in 1000x, or max; {journeys.SPEED:.0f}x for journeys, max for a data set")
    ] = None,
    leads: Annotated[int, typer.Option(min=1, help="how many leads are simulated")] = journeys.LEADS,
    ends: Annotated[bool, typer.Option("--exit", help="end when all is shown, also on a terminal")] = False,
) -> None:
    """All jobs, the API and a stream of events, down to a table of the best leads."""
    console = Console()
    factor = parse_speed(speed) if speed else None
    story = replayed(data, factor) if data else simulated(leads, factor if speed else journeys.SPEED)
    run(console, Settings.from_environment().run_dir, story, stays=not ends and sys.stdin.isatty() and console.is_terminal)
