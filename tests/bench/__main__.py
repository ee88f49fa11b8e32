"""`python -m tests.bench`: throughput, latency, state and scaling on real servers, with what they were measured on."""

import json
import shutil
import sys
import tempfile
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
from tests.bench import machine, report, throughput
from tests.bench.report import Figures
from tests.bench.workload import Workload
from tests.bench.world import World

EX_INTERRUPTED = 130
QUICK_EVENTS, QUICK_LEADS = 20_000, 2_000


class Stage(StrEnum):
    """A part of the benchmark."""

    THROUGHPUT = "throughput"


class Options(NamedTuple):
    """Sizes of a run."""

    events: int
    leads: int
    rounds: int
    runners: tuple[str, ...]
    keep: bool
    console: Console


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    only: Annotated[list[Stage] | None, typer.Option(help="these stages; all when left out")] = None,
    out: Annotated[Path | None, typer.Option("--out", "--json", dir_okay=False, help="write the figures to this file too")] = None,
    events: Annotated[int, typer.Option(min=1_000, help="of the throughput")] = 200_000,
    leads: Annotated[int, typer.Option(min=1, help="whose events they are")] = 25_000,
    rounds: Annotated[int, typer.Option(min=1, help="of every runner")] = 2,
    runner: Annotated[list[str] | None, typer.Option(help="these runners; all when left out")] = None,
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
    options = Options(events, leads, rounds, runners, keep, console)
    if quick:
        options = options._replace(events=QUICK_EVENTS, leads=QUICK_LEADS, rounds=1)
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


STAGES: dict[Stage, Callable[[Options], Figures]] = {
    Stage.THROUGHPUT: _throughput,
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
