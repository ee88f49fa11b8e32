"""`python -m tests.bench`: throughput, latency, state and scaling on real servers, with what they were measured on."""

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.console import Console
from rich.markup import escape

from infra.stack import Part, Stack, jars, signals
from infra.stack.progress import Shown
from schemas.errors import ProxError
from tests.bench import collecting, latency, machine, model_cost, report, scaling, state, throughput
from tests.bench.report import Figures
from tests.bench.workload import Workload
from tests.bench.world import World

EX_INTERRUPTED = 130
FEW_LEADS = 1_000
WARM_UP_S = 15.0
STATE_LEADS = 2_000
SETS = Path("../shared/data")


class Stage(StrEnum):
    """A part of the benchmark."""

    THROUGHPUT = "throughput"
    LATENCY = "latency"
    STATE = "state"
    MODEL = "model"
    LEADS = "leads"
    PARALLELISM = "parallelism"
    COLLECTOR = "collector"


class Options(NamedTuple):
    """Sizes of a run."""

    events: int
    leads: int
    rounds: int
    runners: tuple[str, ...]
    seconds: float
    burst: int
    many_leads: int
    sets: Path
    keep: bool
    console: Console


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    only: Annotated[list[Stage] | None, typer.Option(help="these stages; all when left out")] = None,
    out: Annotated[Path | None, typer.Option("--out", "--json", dir_okay=False, help="write the figures to this file too")] = None,
    events: Annotated[int, typer.Option(min=1_000, help="of the throughput")] = 60_000,
    leads: Annotated[int, typer.Option(min=1, help="whose events they are")] = 10_000,
    rounds: Annotated[int, typer.Option(min=1, help="of every runner")] = 1,
    runner: Annotated[list[str] | None, typer.Option(help="these runners; all when left out")] = None,
    seconds: Annotated[float, typer.Option(min=1, help="of each rate of the latency")] = 60.0,
    burst: Annotated[int, typer.Option(min=1_000, help="records that find the peak of the whole path")] = 10_000,
    many_leads: Annotated[int, typer.Option(min=FEW_LEADS, help=f"that {FEW_LEADS:,} leads are compared with")] = 1_000_000,
    sets: Annotated[Path, typer.Option(help="folder of the development sets, for what the model costs on them; may be missing")] = SETS,
    *,
    quick: Annotated[bool, typer.Option("--quick", help="small sizes, one round: shows that it works, measures little")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="leave the servers' logs and data")] = False,
) -> None:
    """Measure ProX."""
    console = Console()
    runners = tuple(runner or throughput.RUNNERS)
    unknown = set(runners) - set(throughput.RUNNERS)
    if unknown:
        raise typer.BadParameter(f"no runner {', '.join(sorted(unknown))}; there are {', '.join(throughput.RUNNERS)}")
    options = Options(events, leads, rounds, runners, seconds, burst, many_leads, sets, keep, console)
    if quick:
        options = options._replace(events=20_000, leads=2_000, rounds=1, seconds=10.0, burst=3_000, many_leads=20_000)
    described = machine.describe()
    report.machine(console, described)
    found: Figures = {"machine": described._asdict()}
    with signals.raised():
        for stage in only or list(Stage):
            console.rule(stage)
            found |= STAGES[stage](options)
            if out:  # after every stage: what was measured is there, whatever comes
                out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    report.machine(console, described)


@contextmanager
def stack_of(options: Options, *parts: Part) -> Iterator[Stack]:
    """Servers of one stage, from nothing, in a run directory of their own."""
    for part in (*parts, Part.FLINK):
        jars.fetch(part)
    run_dir = Path(tempfile.mkdtemp(prefix="prox-bench-"))
    try:
        with Stack(run_dir, Shown(options.console)) as stack:
            stack.start(*parts)
            yield stack
    finally:
        if options.keep:
            options.console.print(f"kept: {run_dir}")
        else:
            shutil.rmtree(run_dir, ignore_errors=True)


def _throughput(options: Options) -> Figures:
    with stack_of(options, Part.KAFKA, Part.REGISTRY) as stack:
        world = World(stack, "throughput", Workload(options.events, options.leads))
        return report.throughput(options.console, throughput.compare(world, options.console, options.runners, options.rounds))


def _latency(options: Options) -> Figures:
    began = time.monotonic()
    with stack_of(options, Part.KAFKA, Part.REGISTRY, Part.CASSANDRA) as stack:
        found = latency.measure(stack, options.console, began=began, burst=options.burst, seconds=options.seconds, warm_up_s=WARM_UP_S)
    return report.latency(options.console, found)


def _state(options: Options) -> Figures:
    with options.console.status("the engine over simulated journeys"):
        found = state.measure(STATE_LEADS)
    return report.state(options.console, found)


def _model(options: Options) -> Figures:
    found = {}
    for stream in model_cost.streams(options.sets):
        with options.console.status(f"the model over {stream.name}"):
            found[stream.name] = model_cost.measure(stream)
    return report.model(options.console, found)


def _collector(options: Options) -> Figures:
    with stack_of(options, Part.KAFKA, Part.REGISTRY) as stack:
        found = collecting.measure(stack, options.console, seconds=min(options.seconds, 10.0), overload_s=options.seconds)
    return report.collector(options.console, found)


def _leads(options: Options) -> Figures:
    with stack_of(options, Part.KAFKA, Part.REGISTRY) as stack:
        found = scaling.by_leads(stack, options.console, events=options.events, leads=(FEW_LEADS, options.many_leads))
    return report.scaling(options.console, "leads", found)


def _parallelism(options: Options) -> Figures:
    with stack_of(options, Part.KAFKA, Part.REGISTRY) as stack:
        found = scaling.by_task_managers(stack, options.console, events=options.events, leads=options.leads)
    return report.scaling(options.console, "parallelism", found)


STAGES: dict[Stage, Callable[[Options], Figures]] = {
    Stage.THROUGHPUT: _throughput,
    Stage.LATENCY: _latency,
    Stage.STATE: _state,
    Stage.MODEL: _model,
    Stage.LEADS: _leads,
    Stage.PARALLELISM: _parallelism,
    Stage.COLLECTOR: _collector,
}

if __name__ == "__main__":
    try:
        app()
    except ProxError as exc:
        Console(stderr=True).print(f"[red]error:[/red] {escape(str(exc))}", soft_wrap=True, highlight=False)
        sys.exit(1)
    except KeyboardInterrupt:
        Console(stderr=True).print("interrupted: what the benchmark started is stopped")
        sys.exit(EX_INTERRUPTED)
