"""What people and programs read of a run."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.machine import Machine
from tests.bench.throughput import Comparison

AIMS = {"bytewax": 1.5, "quix": 2.5, "bare": 0.5}
"""Other → how many times as fast ProX is to be."""

Figures = dict[str, Any]


def machine(console: Console, described: Machine) -> None:
    """One line: where and with what."""
    console.print(
        f"{described.processor}, {described.cores} cores, {described.memory_gb} GB, load {described.load} · {described.date}"
        f" · commit {described.commit} · Python {described.python}, Flink {described.flink}",
        highlight=False,
    )


def throughput(console: Console, comparison: Comparison) -> Figures:
    """The comparison, runner by runner."""
    table = Table(
        "runner", "events/s", "each run", "ProX is", "aim", "µs of processor", "wrong", title="Kafka to Kafka, parallelism 1", title_justify="left"
    )
    speeds, ratios, cpu = comparison.events_per_s(), comparison.ratios(), comparison.cpu_us()
    for runner, speed in speeds.items():
        runs = comparison.of(runner)
        each = " ".join(f"{run.events_per_s:,.0f}" for run in runs)
        ratio = f"{ratios[runner]:.2f} ×" if runner in ratios else ""
        aim = f"≥ {AIMS[runner]} ×" if runner in AIMS else ""
        table.add_row(runner, f"{speed:,.0f}", each, ratio, aim, f"{cpu[runner]:,.0f}", str(sum(run.faults for run in runs)))
    console.print(table)
    early = [run.before_model for run in comparison.of("prox")]
    if any(early):
        console.print(f"ProX scored {', '.join(map(str, early))} events before the model had come; they name version 0 and are checked as such")
    return {"throughput": speeds, "ratios": ratios, "cpu_us_per_event": cpu, "faults": sum(run.faults for run in comparison.runs)}


def figures(console: Console, title: str, rows: Mapping[str, Mapping[str, float]], unit: str) -> None:
    """A table of named figures."""
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    table = Table("", *columns, title=f"{title} ({unit})", title_justify="left")
    for name, row in rows.items():
        table.add_row(name, *(f"{row[column]:,.0f}" if column in row else "" for column in columns))
    console.print(table)
