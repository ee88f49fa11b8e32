"""What people and programs read of a run."""

from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.collecting import Found
from tests.bench.latency import STATED_RATE, Latency
from tests.bench.machine import Machine
from tests.bench.model_cost import SIZES, Cost
from tests.bench.state import State
from tests.bench.throughput import Comparison, Run

AIMS = {"bytewax": 1.5, "quix": 2.5, "bare": 0.5}
"""Other → how many times as fast ProX is to be."""

AIM_COLLECTOR = {100: "≥ 60 %", 1: "3,000/s on a present-day core"}
"""Size of a batch → what a core is to do."""

AIM_SCORES_MS, AIM_ROWS_MS = 250, 1_000
STATED = str(STATED_RATE)

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


def latency(console: Console, found: Latency) -> Figures:
    """Latencies by rate, the peak, and how long a start takes."""
    table = Table(
        "with everything running", "records/s", "p50 ms", "p99 ms", "aim", "measured", title="Latency from the producer", title_justify="left"
    )
    for name, phase in found.phases.items():
        for goal, what, aim in (("scores topic", phase.scores, AIM_SCORES_MS), ("row in Cassandra", phase.rows, AIM_ROWS_MS)):
            told_aim = f"p99 < {aim:,} ms" if name == STATED else ""
            table.add_row(f"{name}: to the {goal}", f"{phase.sent_per_s:,.0f}", f"{what.p50:,.0f}", f"{what.p99:,.0f}", told_aim, f"{what.n:,}")
    console.print(table)
    console.print(
        f"peak of the whole path {found.peak_per_s:,.0f} scores/s; first score {found.jobs_to_first_score_s:.0f} s after the jobs' start,"
        f" {found.servers_to_first_score_s:.0f} s after the servers' (aim: 60 s)",
        highlight=False,
    )
    return {
        "latency_ms": {name: phase.scores._asdict() | {"rate": phase.sent_per_s} for name, phase in found.phases.items()},
        "stored_ms": {name: phase.rows._asdict() for name, phase in found.phases.items()},
        "peak_per_s": found.peak_per_s,
        "first_score_s": {"after_jobs": found.jobs_to_first_score_s, "after_servers": found.servers_to_first_score_s},
    }


def collector(console: Console, found: Found) -> Figures:
    """Rates beside the floor, and the overload."""
    table = Table("batch", "server", "events/s", "a core", "of the floor", "aim", "p50 ms", "p99 ms", title="Collector", title_justify="left")
    shares = {size: found.rates["collector", size].per_core / found.rates["floor", size].per_core for _, size in found.rates}
    for (name, size), rate in found.rates.items():
        share, aim = (f"{shares[size]:.0%}", AIM_COLLECTOR.get(size, "")) if name == "collector" else ("", "")
        table.add_row(str(size), name, f"{rate.events_per_s:,.0f}", f"{rate.per_core:,.0f}", share, aim, f"{rate.p50_ms:.1f}", f"{rate.p99_ms:.1f}")
    console.print(table)
    console.print(
        f"map_requests: {found.mapped.events_per_s:,.0f} events/s, {found.mapped.per_core:,.0f} a core, JVM included",
        highlight=False,
    )
    over = found.overload
    early, late = over.memory_mb[len(over.memory_mb) // 6], over.memory_mb[-1]
    console.print(
        f"more than it can take for {over.seconds:.0f} s, Kafka standing still for {over.stood_still_s:.0f} s of it: "
        f"{over.accepted_per_s:,.0f} events/s accepted, statuses {over.statuses}, Retry-After: {', '.join(over.retry_after) or 'none'};"
        f" requests lost: {over.lost};"
        f" memory {early:.0f} MB after a sixth of it, {max(over.memory_mb):.0f} MB at most, {late:.0f} MB at its end",
        highlight=False,
    )
    rates = {f"{name}_{size}": rate._asdict() for (name, size), rate in found.rates.items()}
    return {"collector": rates, "collector_of_floor": shares, "collector_overload": over._asdict(), "map_requests": found.mapped._asdict()}


def state(console: Console, found: State) -> Figures:
    """Bytes of a lead."""
    table = Table("bytes of a lead", "mean", "p50", "p99", "most", "aim", title="State", title_justify="left")
    rows = (("memory", found.memory, "< 1,000"), ("pending examples", found.pending, "< 4,000"), ("one kept point", found.point, ""))
    for name, cost, aim in rows:
        table.add_row(name, *(f"{size:,.0f}" for size in cost), aim)
    console.print(table)
    console.print(f"{found.leads:,} leads after 90 days of simulated journeys, {found.events:,} events", highlight=False)
    return {"state_bytes": {name: getattr(found, name)._asdict() for name in ("memory", "pending", "point")}}


def model(console: Console, found: Mapping[str, Cost]) -> Figures:
    """What scores and labels cost, stream by stream."""
    table = Table("µs of processor time", *found, "aim", title="Model", title_justify="left")
    for size in SIZES:
        table.add_row(f"score, {size} at once", *(f"{one.score[size]:.1f}" for one in found.values()), "")
        table.add_row("with the nightly base", *(f"{one.with_base[size]:.1f}" for one in found.values()), "≤ 25" if size == SIZES[0] else "")
        table.add_row("event to score, base included", *(f"{one.engine[size]:.1f}" for one in found.values()), "")
    rows: dict[str, tuple[str, Callable[[Cost], float]]] = {
        "an interval's label": ("≤ 150", lambda one: one.label),
        "all labels of a point": ("", lambda one: one.point),
        "a model ready to score": ("", lambda one: one.model),
        "bytes of the learner": ("", lambda one: one.learner_bytes),
        "bytes of a model": ("", lambda one: one.model_bytes),
        "bytes of a lead's memory": ("", lambda one: one.memory_bytes),
        "bytes of its waiting points": ("", lambda one: one.waiting_bytes),
    }
    for name, (aim, of) in rows.items():
        table.add_row(name, *(f"{of(one):,.0f}" for one in found.values()), aim)
    console.print(table)
    without = [name for name, one in found.items() if not one.has_base]
    if without:
        console.print(f"no night had enough to train a base: {', '.join(without)}")
    return {"model": {name: one._asdict() for name, one in found.items()}}


def scaling(console: Console, of: str, found: Mapping[int, Run]) -> Figures:
    """Speeds by size, compared with the first."""
    table = Table(of, "events/s", "of the first", "µs of processor", title=f"ProX by {of}", title_justify="left")
    base = next(iter(found.values()))
    for size, run in found.items():
        ratio = run.events_per_s / base.events_per_s
        table.add_row(f"{size:,}", f"{run.events_per_s:,.0f}", f"{ratio:.2f} ×", f"{run.cpu_us:,.0f}")
    console.print(table)
    return {of: {str(size): {"events_per_s": run.events_per_s, "cpu_us": run.cpu_us} for size, run in found.items()}}
