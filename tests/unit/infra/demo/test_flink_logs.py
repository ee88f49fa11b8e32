"""What Flink's logs tell: which operators run, and which jobs fail again and again."""

from pathlib import Path

import pytest

from infra.demo.flink_logs import FlinkLogs
from schemas.errors import FatalError

RESTART = (
    "2026-03-02 09:00:00,000 INFO  org.apache.flink.runtime.executiongraph.ExecutionGraph [] - "
    "Job score_leads (aecf89ba2a2db8fd9f49c6f80637fd26) switched from state RUNNING to RESTARTING.\n"
)
TRACE = "java.lang.RuntimeException: in the operator\n\tat a.b.c(D.java:1)\nCaused by: pemja.core.PythonException: <class 'KeyError'>: 'lead'\n"


def log_of(folder: Path) -> Path:
    return folder / "flink-score_leads-python-here.log"


def test_a_single_restart_is_no_reason_to_stop(tmp_path: Path):
    """Flink mends an accident by itself."""
    log_of(tmp_path).write_text(RESTART + TRACE, encoding="utf-8")

    FlinkLogs(tmp_path).check()


def test_a_job_that_fails_for_ever_is_told_with_its_cause(tmp_path: Path):
    """The third restart ends the wait: the job, the innermost cause and the log are named."""
    log_of(tmp_path).write_text((TRACE + RESTART) * 3, encoding="utf-8")
    with pytest.raises(FatalError) as caught:
        FlinkLogs(tmp_path).check()

    assert f"score_leads fails again and again (3 restarts): pemja.core.PythonException: <class 'KeyError'>: 'lead'; see {log_of(tmp_path)}" == str(
        caught.value
    )


def test_restarts_are_counted_over_calls_and_each_once(tmp_path: Path):
    """A log that grows is read on from where the last call ended, also in the middle of a line."""
    watch = FlinkLogs(tmp_path)
    for text in (RESTART, RESTART[:40], RESTART[40:]):
        with log_of(tmp_path).open("a", encoding="utf-8") as log:
            log.write(text)
        watch.check()
        watch.check()
    with log_of(tmp_path).open("a", encoding="utf-8") as log:
        log.write(RESTART)

    with pytest.raises(FatalError, match=r"3 restarts"):
        watch.check()


def test_no_log_yet_is_no_failure(tmp_path: Path):
    """The watch begins before Flink does."""
    FlinkLogs(tmp_path).check()


def test_an_operator_runs_when_its_task_does(tmp_path: Path):
    """Its name is part of the task's, with what Flink chained to it."""
    line = (
        "2026-03-02 09:00:00,000 INFO  org.apache.flink.runtime.executiongraph.ExecutionGraph       [] - "
        "score_lane -> Calc[9] -> score_leads_publishes[10]: Writer (1/1) (80661f84_6cdc_0_0) switched from INITIALIZING to RUNNING.\n"
    )
    logs = FlinkLogs(tmp_path)
    log_of(tmp_path).write_text(line, encoding="utf-8")
    logs.check()

    assert [True, False] == [logs.are_running(["score_lane"]), logs.are_running(["score_lane", "write_batch"])]
