"""`python -m jobs NAME` submits a job to a cluster; `python -m jobs all --local` runs everything on this machine."""

import os
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from infra.crm.accounts import crm_accounts
from infra.jvm import FIRST_COMPILER, roomy_heap
from infra.priority import giving_way
from infra.release import with_release
from infra.settings import Settings
from schemas.errors import ConfigError
from schemas.topics import Topic

CONFIG_EXIT = 78
JOBS = ("map_requests", "enrich_events", "score_leads", "learn_models", "stitch_leads", "store_results", "push_scores")
"""Each is a module of this package, imported when it is asked for: River alone costs seconds of start."""
LATENCY_PATH = ("enrich_events", "score_leads", "learn_models")
WRITERS = ("map_requests", "stitch_leads", "store_results", "push_scores")
"""In an interpreter of their own: sharing one with the latency path costs a second of latency (ADR 0002)."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def run(
    names: Annotated[list[str], typer.Argument(help="jobs to run: all, or any of " + ", ".join(JOBS))],
    *,
    local: Annotated[bool, typer.Option("--local", help="without a cluster: an embedded one in this process")] = False,
) -> None:
    """Run jobs until they are stopped."""
    unknown = [name for name in names if name not in JOBS and name != "all"]
    if unknown:
        raise typer.BadParameter(f"no job {', '.join(unknown)}; there are {', '.join(JOBS)}, or all")
    settings = with_release(Settings.from_environment())
    if names == ["all"] and local:
        _run_in_two_processes(settings)
    else:
        _run_here(_wanted(JOBS, settings) if "all" in names else tuple(names), settings, is_local=local)


def _wanted(names: tuple[str, ...], settings: Settings) -> tuple[str, ...]:
    """Without a CRM account nothing is pushed, and without write keys nothing is collected: jobs that have nothing to do are not run."""
    idle = {"push_scores": not crm_accounts(settings), "map_requests": settings.collector.keys_file is None}
    return tuple(name for name in names if not idle.get(name, False))


def _run_here(names: tuple[str, ...], settings: Settings, *, is_local: bool) -> None:
    if is_local:
        # the interpreter inside the JVM finds nothing but what this says
        os.environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        os.environ["JDK_JAVA_OPTIONS"] = " ".join(filter(None, [FIRST_COMPILER, roomy_heap(), os.environ.get("JDK_JAVA_OPTIONS")]))
    # PyFlink costs seconds too, and the process that only starts the two others needs none of it
    from pyflink.datastream import DataStream  # noqa: PLC0415
    from pyflink.table import StreamTableEnvironment  # noqa: PLC0415

    from jobs.job import Job, environment  # noqa: PLC0415

    env = environment(settings.flink, is_local=is_local)
    tables = StreamTableEnvironment.create(env)
    statements = tables.create_statement_set()
    # on a cluster jobs are submitted apart as well as together, with the same state: there they meet on topics only (ADR 0028)
    companions: frozenset[str] = frozenset(names if is_local else ())
    handed: dict[Topic, DataStream] = {}
    for name in sorted(names, key=JOBS.index):
        import_module(f"jobs.{name}").build(Job(name, tables, statements, settings, companions, handed))
    statements.attach_as_datastream()
    env.execute("+".join(names))


def _run_in_two_processes(settings: Settings) -> None:
    """The latency path and the writers, each in a process of its own; when one ends, so does the other."""
    # a session each, of which the writers' gives way: in one session they had only what the latency path left, and rows came half a minute late.
    # A folder, as Flink keeps checkpoints in memory unless told otherwise, and refuses them there from 5 MB on
    with TemporaryDirectory(prefix="prox-checkpoints-") as folder:
        checkpoint_dir = settings.flink.checkpoint_dir or Path(folder).as_uri()
        children = [
            _child(LATENCY_PATH, settings, checkpoint_dir),
            _child(_wanted(WRITERS, settings), settings, checkpoint_dir, gives_way=True),
        ]

        def stop(signum: int, _frame: object) -> None:
            for child in children:
                if child.poll() is None:
                    child.send_signal(signum)

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        # whichever ends first takes the other with it: half a system scores nothing that anybody sees
        pid_ended, status = os.wait()
        stop(signal.SIGTERM, None)
        for child in children:
            if child.pid != pid_ended:
                child.wait()
    sys.exit(1 if status else 0)


def _child(names: tuple[str, ...], settings: Settings, checkpoint_dir: str, *, gives_way: bool = False) -> "subprocess.Popen[bytes]":
    env = {
        # on one machine no state outlives the run, and each lane more is a batch more to call Python with
        "PROX_FLINK__LANES": str(settings.flink.parallelism),
        **os.environ,
        "PROX_FLINK__CHECKPOINT_DIR": checkpoint_dir,
        # Flink names its log by the user and begins it anew: the second process would wipe the first one's
        "FLINK_IDENT_STRING": "-".join(names),
    }
    command = [sys.executable, "-m", "jobs", "--local", *names]
    return subprocess.Popen(giving_way(command) if gives_way else command, env=env, start_new_session=True)  # noqa: S603 - our own program


if __name__ == "__main__":
    try:
        app()
    except ConfigError as exc:
        sys.stderr.write(f"{exc}\n")
        sys.exit(CONFIG_EXIT)
