"""`python -m infra`: the local stack, its topics and tables, and what feeds it."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from typer.core import TyperGroup

from infra import champions, dead_letters, demo, feed, identity, replay_log, sealing, train_base, train_pool, verify
from infra.crm import command as crm_command
from infra.settings import Settings
from infra.stack import SERVERS, Part, Stack, signals, view
from infra.stack.addresses import FILE, Addresses
from infra.stack.flink import FlinkCluster
from infra.stack.progress import Shown
from infra.stack.service import STOPPED_WITHIN_S
from schemas.errors import ConfigError, ProxError

EX_CONFIG = 78
"""sysexits.h: a setting is wrong or something is missing, and the message says what."""
EX_INTERRUPTED = 130


class Commands(TyperGroup):
    """A command's errors, told as one line."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; an error of ours says what to do, and an exit code tells programs."""
        errors = Console(stderr=True)
        try:
            use_running_stack()
            return super().invoke(ctx)
        except ProxError as exc:
            errors.print(f"[red]error:[/red] {escape(str(exc))}", soft_wrap=True, highlight=False)
            ctx.exit(EX_CONFIG if isinstance(exc, ConfigError) else 1)
        except KeyboardInterrupt:
            errors.print("interrupted: what this command started is stopped")
            ctx.exit(EX_INTERRUPTED)


app = typer.Typer(cls=Commands, help="The local stack of ProX.", no_args_is_help=True, pretty_exceptions_show_locals=False)
console = Console()


def run_dir() -> Path:
    """The run directory of this command."""
    return Settings.from_environment().run_dir


@app.command()
def up(
    *,
    flink: Annotated[bool, typer.Option("--flink", help="a Flink cluster too")] = False,
    task_managers: Annotated[int, typer.Option(min=1, help="of that cluster, one slot each")] = 2,
) -> None:
    """Start Kafka, the registry and Cassandra, and create topics, schemas and tables."""
    with signals.raised():
        stack = Stack(run_dir(), Shown(console))
        with stack.stopped_on_failure():
            stack.up()
            if flink:
                FlinkCluster(stack.run_dir, stack.addresses, task_managers=task_managers, reporter=Shown(console)).start()
    console.print(_status(stack))
    console.print(f"Variables for programs: set -a; . {stack.run_dir / 'stack.env'}; set +a", soft_wrap=True)


@app.command()
def down() -> None:
    """Stop everything that runs in the run directory; its data stay."""
    stack = _existing()
    if stack is None:
        console.print("nothing runs")
        return
    with console.status("stopping"):
        for program in demo.programs_left(stack.run_dir):
            program.stop(STOPPED_WITHIN_S)
        _flink(stack).stop()
        stack.stop()
    console.print("stopped")


@app.command()
def status() -> None:
    """What runs, where, and how much memory it has."""
    stack = _existing()
    if stack is None:
        console.print("nothing runs: make up starts it")
        raise typer.Exit(1)
    console.print(_status(stack))
    if not all(stack.services[name].is_running for name in SERVERS):
        raise typer.Exit(1)


@app.command()
def logs(
    service: Annotated[Part | None, typer.Argument(help="one server; all when left out")] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", help="how many of each")] = 20,
) -> None:
    """The last lines of the servers' logs."""
    stack = _existing()
    if stack is None:
        console.print("no logs yet: make up starts the servers")
        raise typer.Exit(1)
    for name in [service] if service else SERVERS:
        console.rule(str(stack.services[name].log))
        for line in view.last_lines(stack.services[name].log, lines):
            console.print(line, markup=False, highlight=False, soft_wrap=True)


def _flink(stack: Stack) -> FlinkCluster:
    """The cluster of the run directory, with as many TaskManagers as were started."""
    return FlinkCluster(stack.run_dir, stack.addresses, task_managers=0)


def _status(stack: Stack) -> Table:
    flink = _flink(stack)
    return view.status(stack.run_dir, [*stack.services.values(), *(flink.services if flink.job_manager.is_running else [])])


def _existing() -> Stack | None:
    """The stack of the run directory, if there ever was one."""
    path = run_dir()
    return Stack(path) if (path / FILE).exists() else None


def use_running_stack() -> None:
    """Let `Settings` find the servers of the run directory, unless the environment says where others are."""
    path = run_dir().resolve()
    if (path / FILE).exists():
        for name, value in Addresses.read(path / FILE).environment(path).items():
            os.environ.setdefault(name, value)


champions.register(app)
feed.register(app)
replay_log.register(app)
dead_letters.register(app)
demo.register(app)
train_base.register(app)
train_pool.register(app)
verify.register(app)
sealing.register(app)
crm_command.register(app)
identity.register(app)

if __name__ == "__main__":
    app()
