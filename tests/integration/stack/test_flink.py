"""The session cluster: TaskManagers can be killed and are replaced."""

from infra.stack.flink import FlinkCluster


def test_a_killed_task_manager_is_replaced(flink: FlinkCluster) -> None:
    """After `kill -9`, `start` registers a new process in its place and leaves the others alone."""
    before = [service.identity for service in flink.services]

    killed = flink.kill_task_manager(0)
    flink.start()

    assert not killed.is_running
    now = [service.identity for service in flink.services]
    assert before[0] == now[0]
    assert before[2:] == now[2:]
    assert killed != now[1]
    assert now[1] is not None
