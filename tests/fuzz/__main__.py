"""`make fuzz`: every parser under atheris for its share of the time; what it learned is kept small beside the tests, what breaks a law is shown."""

import json
import os
import shutil
import sys
import tempfile
from hashlib import blake2b
from pathlib import Path
from typing import Annotated

import atheris
import typer
from rich.console import Console

import tests.builders  # noqa: F401 - first, and as it is: it imports kernels that are compiled, which a tracer's calls in them would prevent
from tests.conftest import ROOT
from tests.fuzz.minimising import smallest

with atheris.instrument_imports(include=["api.collector", "models.collecting"], enable_loader_override=False):
    from tests.fuzz.seeds import SEEDS
    from tests.fuzz.targets import TARGETS, words

CORPUS = Path(__file__).with_name("corpus")
FOUND = ROOT / ".run/fuzz"
"""Inputs that broke a law: not kept, a person makes a test of each."""
LONGEST = 2_048
"""Bytes of an input: enough for a few events, and a corpus stays small."""
BOUNDS = (f"-max_len={LONGEST}", "-timeout=60", "-rss_limit_mb=2048", "-print_final_stats=1")


def main(
    seconds: Annotated[float, typer.Option(min=1, help="of all parsers together")] = 600.0,
    parser: Annotated[list[str] | None, typer.Option(help="these; all when left out")] = None,
) -> None:
    """Fuzz."""
    console = Console()
    names = parser or list(TARGETS)
    failed = []
    here = os.getpid()
    for name in names:
        folder = Path(tempfile.mkdtemp(prefix="prox-fuzz-"))
        try:
            tried, broken = _fuzz(name, folder, seconds / len(names))
        finally:
            if os.getpid() == here:  # a parser's process comes by here too, on its way out
                shutil.rmtree(folder)
        kept = list((CORPUS / name).iterdir())
        console.print(f"{name}: {tried} inputs tried; {len(kept)} kept, {sum(path.stat().st_size for path in kept):,} bytes", highlight=False)
        if broken:
            failed.append(name)
            console.print(broken, markup=False, highlight=False)
    if failed:
        console.print(f"[red]broken[/red]: {', '.join(failed)}; the inputs are in {FOUND.relative_to(ROOT)}")
        raise typer.Exit(1)


def _fuzz(name: str, folder: Path, seconds: float) -> tuple[str, str]:
    """How many inputs were tried, and what was said if a law was broken."""
    seeds, grown, log, dictionary = folder / "seeds", folder / "grown", folder / "log", folder / "words"
    for part in (seeds, grown, CORPUS / name, FOUND):
        part.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[name]):
        (seeds / str(number)).write_bytes(seed)
    dictionary.write_text("".join(f"{json.dumps(word)}\n" for word in words()), encoding="utf-8")
    options = [f"-max_total_time={seconds:.0f}", f"-dict={dictionary}", f"-artifact_prefix={FOUND / name}-", *BOUNDS]
    has_ended_well = _run(name, log, [str(grown), str(seeds), str(CORPUS / name), *options])
    known = [path.read_bytes() for part in (seeds, grown, CORPUS / name) for path in part.iterdir()]
    for path in (CORPUS / name).iterdir():
        path.unlink()
    for data in smallest(TARGETS[name], known):
        (CORPUS / name / blake2b(data, digest_size=8).hexdigest()).write_bytes(data)
    said = log.read_text(encoding="utf-8", errors="replace")
    tried = next((line.rpartition(" ")[2] for line in said.splitlines() if line.startswith("stat::number_of_executed_units")), "no")
    return tried, "" if has_ended_well else said[-4_000:]


def _run(name: str, log: Path, args: list[str]) -> bool:
    """One parser in a process of its own, as the fuzzer ends the one that it ran in; whether no law was broken."""
    pid = os.fork()
    if pid == 0:
        out = os.open(log, os.O_WRONLY | os.O_CREAT)
        os.dup2(out, 1)
        os.dup2(out, 2)
        atheris.Setup([name, *args], TARGETS[name])
        atheris.Fuzz()
        sys.exit(0)
    return os.waitpid(pid, 0)[1] == 0


if __name__ == "__main__":
    typer.run(main)
