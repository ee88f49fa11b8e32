"""`python -m models`: evaluate models on data sets, train the nightly base, check identity."""

import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from typer.core import TyperGroup

from models.dataset import dataset
from models.dataset.files import open_file
from models.evaluation import floors, prox, report
from models.evaluation.aside import evaluate_aside
from models.evaluation.protocol import Evaluation
from models.evaluation.protocol import evaluate as evaluated
from models.evaluation.run import Progress as OnProgress
from models.identity import check as identity
from models.identity import report as identity_report
from models.nightly import report as nightly_report
from models.nightly import training
from schemas.errors import ConfigError, ProxError
from schemas.example import MaturedExample
from schemas.example_file import read_examples, write_examples
from schemas.policy import DAY_MS, TenantPolicy

EX_USAGE = 2
"""A manifest, or what it says of its table, is wrong: as the shell knows a wrong argument."""
SHOWN_EVERY_S = 0.2
AVRO = ".avro"


class Commands(TyperGroup):
    """A command's errors, told as one line."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; an error of ours says what to do, and an exit code tells programs."""
        try:
            return super().invoke(ctx)
        except ProxError as exc:
            line = " ".join(str(exc).split())
            Console(stderr=True).print(f"[red]error:[/red] {escape(line)}", soft_wrap=True, highlight=False)
            ctx.exit(EX_USAGE if isinstance(exc, ConfigError) else 1)


app = typer.Typer(cls=Commands, help="What ProX thinks with, on data sets in files.", no_args_is_help=True, pretty_exceptions_show_locals=False)
console = Console(width=None if sys.stdout.isatty() else 120)
"""Where nobody looks, as wide as its tables: a log wraps nothing."""


@app.callback()
def main() -> None:
    """What ProX thinks with, on data sets in files."""


@app.command()
def evaluate(
    manifests: Annotated[list[Path], typer.Argument(help="manifest.toml of each data set")],
    *,
    json_file: Annotated[Path | None, typer.Option("--json", help="write the figures there, for programs")] = None,
    hints: Annotated[bool, typer.Option("--hints", help="prox once more with the manifest's crosses and memory, to compare")] = False,
    floors_file: Annotated[Path | None, typer.Option("--floors", help="figures that prox must reach; exit code 1 if it does not")] = None,
) -> None:
    """Run the engine and its baselines over data sets, and compare."""
    # all that people wrote is read before the first set is run: a typing error shows at once
    for manifest in manifests:
        dataset.read_manifest(str(manifest), open_file)
    wanted = floors.parse(read_text(floors_file), where=str(floors_file)) if floors_file is not None else {}
    evaluations = []
    for evaluation in _evaluations(manifests, with_hints=hints):
        evaluations.append(evaluation)
        console.print(report.tables(evaluation))
    if json_file is not None:
        json_file.write_text(json.dumps(report.figures(evaluations), indent=2) + "\n", encoding="utf-8")
    short = [line for evaluation in evaluations for line in floors.missed(evaluation, wanted)]
    for line in short:
        console.print(f"[red]below its floor:[/red] {escape(line)}", soft_wrap=True, highlight=False)
    if short:
        raise typer.Exit(1)


def _evaluations(manifests: list[Path], *, with_hints: bool) -> Iterator[Evaluation]:
    """One after the other as they were named; several sets run side by side, on as many cores as there are."""
    if len(manifests) == 1:
        with progress_bar(manifests[0].parent.name) as show:
            yield evaluated(dataset.read(str(manifests[0]), open_file), time.process_time_ns, show, with_hints=with_hints)
        return
    # fresh processes: one that was forked would share locks with threads that it has not
    with ProcessPoolExecutor(min(len(manifests), os.cpu_count() or 1), get_context("spawn")) as pool:
        yield from pool.map(partial(evaluate_aside, with_hints=with_hints), manifests)


@app.command("train-base")
def train_base(
    source: Annotated[Path, typer.Argument(help="manifest.toml of a data set, or an Avro file of matured examples")],
    out: Annotated[Path, typer.Argument(help="where the base is written")],
    *,
    window_days: Annotated[float, typer.Option(min=0.0, help="attribution window of examples from a file; 0: none")] = 30.0,
    examples_out: Annotated[Path | None, typer.Option("--examples", help="write the matured examples there too")] = None,
) -> None:
    """Train the nightly base on all matured examples, and write it if its export says the same."""
    if source.suffix == AVRO:
        policy = TenantPolicy(window_ms=round(window_days * DAY_MS) or None)
        examples = _examples_of_file(source)
    else:
        data = dataset.read(str(source), open_file)
        policy = data.policy
        with progress_bar(source.parent.name) as show:
            examples = list(prox.matured(data, show))
    if examples_out is not None:
        with examples_out.open("wb") as file:
            write_examples(file, examples)
    trained, holdout = training.latest(examples, policy)
    out.write_bytes(trained.base.to_bytes())
    console.print(nightly_report.table(trained, holdout))


@app.command("identity-check")
def identity_check(
    *,
    events: Annotated[int, typer.Option(min=1, help="how many events the simulated crowd makes")] = 1_000_000,
    seed: Annotated[int, typer.Option(help="of the crowd")] = 1,
) -> None:
    """Stitch a crowd whose identities are known, and count whom that took for whom; fails below the floors, or if a replay differs."""
    with progress_bar("identity") as show:
        checked = identity.check(events=events, seed=seed, on_progress=show)
    console.print(identity_report.table(checked))
    short = identity_report.missed(checked)
    for line in short:
        console.print(f"[red]{escape(line)}[/red]", soft_wrap=True, highlight=False)
    if short:
        raise typer.Exit(1)


def _examples_of_file(path: Path) -> list[MaturedExample]:
    try:
        with path.open("rb") as file:
            return list(read_examples(file))
    except OSError as exc:
        raise ConfigError(f"{path}: {exc}") from exc


def read_text(path: Path) -> str:
    """The file's text.

    Raises
    ------
    ConfigError
        It cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as exc:
        raise ConfigError(f"{path}: {exc}") from exc


@contextmanager
def progress_bar(title: str) -> Iterator[OnProgress]:
    """A bar for each model that runs; silent where nobody looks."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        tasks: dict[str, TaskID] = {}
        shown: dict[str, float] = {}

        def show(name: str, done: int, total: int) -> None:
            now = time.monotonic()
            if name not in tasks:
                tasks[name] = progress.add_task(f"{title}: {name}", total=total)
            elif done < total and now - shown[name] < SHOWN_EVERY_S:
                return
            shown[name] = now
            progress.update(tasks[name], completed=done)

        yield show


if __name__ == "__main__":
    app()
