"""How cost grows: with leads, and with TaskManagers."""

from rich.console import Console

from infra.stack import Stack
from infra.stack.flink import FlinkCluster
from tests.bench import running, throughput
from tests.bench.throughput import PROX, Run
from tests.bench.workload import Workload
from tests.bench.world import World

PARALLELISMS = (1, 2)


def by_leads(stack: Stack, console: Console, *, events: int, leads: tuple[int, ...]) -> dict[int, Run]:
    """The same number of events, drawn from few leads and from many, each of whom is known already."""
    found = {}
    for number in leads:
        world = World(stack, f"leads{number}", Workload(events, number, has_roll_call=True))
        world.prepare(console, [world.scores_topic])
        found[number] = throughput.run_once(world, console, PROX, 0, None)
        console.print(f"{number:,} leads: {found[number].events_per_s:,.0f} events/s", highlight=False)
    return found


def by_task_managers(stack: Stack, console: Console, *, events: int, leads: int) -> dict[int, Run]:
    """The same events on a cluster, at parallelism 1 and 2: one interpreter for each TaskManager."""
    found = {}
    for parallelism in PARALLELISMS:
        world = World(stack, f"parallel{parallelism}", Workload(events, leads))
        world.prepare(console, [world.scores_topic])
        with FlinkCluster(stack.run_dir, stack.addresses, task_managers=parallelism) as cluster:
            with console.status(f"starting {parallelism} TaskManagers"):
                cluster.start()
            found[parallelism] = _on_cluster(world, cluster, console, parallelism)
        console.print(f"parallelism {parallelism}: {found[parallelism].events_per_s:,.0f} events/s", highlight=False)
    return found


def _on_cluster(world: World, cluster: FlinkCluster, console: Console, parallelism: int) -> Run:
    output = world.scores_topic
    begins = world.ends(output)
    job = cluster.submit("score_leads", parallelism=parallelism, env=throughput.prox_environment(world, "cluster"))
    try:
        with throughput.bar(console, f"parallelism {parallelism}", world.workload.total) as progress:
            history = running.watch(
                lambda: sum(running.cpu_s_of(service.identity) for service in cluster.task_managers if service.identity),
                total=world.workload.total,
                count=lambda: sum(world.ends(output).values()) - sum(begins.values()),
                show=throughput.shown(progress),
                check=lambda: None,
            )
    finally:
        cluster.cancel(job)
    return throughput.judged(world, PROX, output, begins, history, None)
