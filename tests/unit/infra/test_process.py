"""Only processes of ours are stopped."""

import os
import sys
from pathlib import Path

from infra.stack.process import Identity, read_pid_file, spawn, write_pid_file


def test_a_reused_pid_is_not_ours() -> None:
    """A process with our pid that began at another time is somebody else's: it does not count as running, and gets no signal."""
    stranger = Identity(os.getpid(), started=1.0)

    stranger.kill()

    assert not stranger.is_running


def test_a_process_is_found_by_its_pid_file(tmp_path: Path) -> None:
    """What one command starts another can stop; afterwards the file finds nothing."""
    started = spawn(["sleep", "60"], log=tmp_path / "log")
    write_pid_file(tmp_path / "pids/it.json", started)

    found = read_pid_file(tmp_path / "pids/it.json")

    assert started == found
    found.stop(timeout_s=10)
    assert read_pid_file(tmp_path / "pids/it.json") is None


def test_a_process_that_ended_is_no_zombie(tmp_path: Path) -> None:
    """A child that ended by itself counts as ended, with its exit code."""
    child = spawn([sys.executable, "-c", "raise SystemExit(3)"], log=tmp_path / "log")

    assert child.wait(30)
    assert not child.is_running
    assert 3 == child.exit_code


def test_a_damaged_pid_file_finds_nothing(tmp_path: Path) -> None:
    """Half a file, as after a full disk, is no process."""
    (tmp_path / "it.json").write_text('{"pid": 1', encoding="utf-8")

    assert read_pid_file(tmp_path / "it.json") is None
