"""Kafka to Kafka at parallelism 1: ProX, Bytewax, Quix Streams and the bare loop, one after the other, the same engine and events."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.bench import arrivals, running, venvs
from tests.bench.expected import Expected, expected
from tests.bench.runners.task import Task
from tests.bench.world import World

PROX = "prox"
RIVALS = {"bytewax": "bytewax_flow", "quix": "quix_app"}
"""Framework → module of its runner."""
BARE = "bare"
RUNNERS = (PROX, *RIVALS, BARE)


class Run(NamedTuple):
    """One run of one runner."""

    runner: str
    events_per_s: float
    cpu_us: float
    before_model: int
    faults: int


class Comparison(NamedTuple):
    """All runs, and what they come to."""

    runs: list[Run]

    def events_per_s(self) -> dict[str, float]:
        """Runner → median events a second."""
        return {name: median(run.events_per_s for run in self.of(name)) for name in RUNNERS if self.of(name)}

    def cpu_us(self) -> dict[str, float]:
        """Runner → median processor time of an event, in µs."""
        return {name: median(run.cpu_us for run in self.of(name)) for name in RUNNERS if self.of(name)}

    def ratios(self) -> dict[str, float]:
        """Other → how many times as fast ProX is."""
        speeds = self.events_per_s()
        return {name: speeds[PROX] / speeds[name] for name in speeds if name != PROX and PROX in speeds}

    def of(self, runner: str) -> list[Run]:
        """The runs of one runner."""
        return [run for run in self.runs if run.runner == runner]


def output_of(world: World, runner: str) -> str:
    """Where a runner writes: ProX to its own scores topic, the others each to one of theirs."""
    return world.scores_topic if runner == PROX else f"{world.name}.scores.{runner}"


def compare(world: World, console: Console, runners: Sequence[str], rounds: int) -> Comparison:
    """Every runner in turn, in alternating order, `rounds` times; each has the machine to itself."""
    world.prepare(console, [output_of(world, runner) for runner in runners])
    with console.status("computing what every score must be"):
        truth = expected(world.workload)
    runs = []
    for number in range(rounds):
        for runner in runners if number % 2 == 0 else list(reversed(runners)):
            runs.append(run_once(world, console, runner, number, truth))
            done = runs[-1]
            console.print(
                f"round {number + 1} {runner}: {done.events_per_s:,.0f} events/s, {done.cpu_us:,.0f} µs of processor time each", highlight=False
            )
    return Comparison(runs)


def run_once(world: World, console: Console, runner: str, number: int, truth: Expected | None, *, env: Mapping[str, str] | None = None) -> Run:
    """One run, from start to the last score.

    `env` are further `PROX_…` variables of ProX.
    """
    name = f"{runner}-{number}"
    output = output_of(world, runner)
    begins = world.ends(output)
    task = Task(world.kafka, output, world.state_dir(name))
    command = [*_command(runner, console)]
    variables = prox_environment(world, name) | dict(env or {}) if runner == PROX else _rival_environment(task, runner)
    total = world.workload.total
    with bar(console, name, total) as progress:
        history = running.run(
            command,
            env=variables,
            log=world.stack.run_dir / f"logs/{world.name}-{name}.log",
            total=total,
            count=lambda: sum(world.ends(output).values()) - sum(begins.values()),
            show=shown(progress),
        )
    return judged(world, runner, output, begins, history, truth)


def judged(world: World, runner: str, output: str, begins: Mapping[int, int], history: Sequence[running.Progress], truth: Expected | None) -> Run:
    """What a run's output says."""
    found = arrivals.read(world, output, dict(begins), truth)
    skipped = world.workload.total - world.workload.events
    first, last = (skipped + int(world.workload.events * share) for share in (arrivals.FIRST_SHARE, arrivals.LAST_SHARE))
    return Run(
        runner,
        found.speed(after=skipped),
        running.cpu_us_per_score(history, first, last),
        found.before_model,
        found.missing + found.repeated + found.wrong,
    )


def _command(runner: str, console: Console) -> list[str]:
    if runner == PROX:
        return [sys.executable, "-m", "jobs", "--local", "score_leads"]
    python = venvs.python_of(runner, console) if runner in RIVALS else Path(sys.executable)
    return [str(python), "-m", f"tests.bench.runners.{RIVALS.get(runner, runner)}"]


def prox_environment(world: World, name: str) -> dict[str, str]:
    """Variables of `score_leads` in this world; what a run keeps lies under its name."""
    return {
        **running.jvm_environment(world.stack.run_dir),
        **world.stack.addresses.environment(world.stack.run_dir),
        "PROX_KAFKA__TOPIC_PREFIX": world.kafka.topic_prefix,
        "PROX_FLINK__CHECKPOINT_DIR": world.state_dir(name).as_uri(),
        "PROX_FLINK__CHECKPOINT_INTERVAL": "PT5S",
        "PROX_FLINK__PARALLELISM": "1",
    }


def _rival_environment(task: Task, runner: str) -> dict[str, str]:
    # compiled code is cached beside the sources, unless told otherwise: each venv has its own numba
    cache = venvs.ROOT / ".tools/bench" / runner / "numba"
    return {**task.environment(), "PYTHONPATH": str(venvs.ROOT), "NUMBA_CACHE_DIR": str(cache)}


def bar(console: Console, name: str, total: int) -> Progress:
    """A bar of scores."""
    columns = (TextColumn("{task.description:<12}"), BarColumn(30), MofNCompleteColumn(), TimeElapsedColumn())
    progress = Progress(*columns, console=console, transient=True)
    progress.add_task(name, total=total)
    return progress


def shown(progress: Progress) -> Callable[[int], None]:
    """What moves the bar."""
    return lambda done: progress.update(progress.task_ids[0], completed=done)
