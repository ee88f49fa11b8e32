"""Programs of a demo: watched, and found again by whoever comes after."""

import sys
from pathlib import Path

import pytest

from infra.demo.programs import Programs, claim, last_words, programs_left
from infra.demo.stages import STAGES
from infra.stack import process
from schemas.errors import ConfigError, FatalError


def sleeping(folder: Path) -> process.Identity:
    return process.spawn([sys.executable, "-c", "import time; time.sleep(60)"], log=folder / "log")


def test_a_second_demo_in_the_same_directory_is_refused(tmp_path: Path):
    """It would clear away what the first one stands on."""
    claim(tmp_path)

    with pytest.raises(ConfigError, match=r"a demo runs in .* already"):
        claim(tmp_path)


def test_what_a_killed_demo_left_is_stopped(tmp_path: Path):
    """Its programs run on; the next demo ends them first."""
    left = sleeping(tmp_path)
    process.write_pid_file(tmp_path / "pids/demo-jobs.json", left)

    claim(tmp_path)

    assert not left.is_running


def test_a_demo_is_found_before_its_programs(tmp_path: Path):
    """So that who stops them lets it stop them itself."""
    jobs, itself = sleeping(tmp_path), sleeping(tmp_path)
    process.write_pid_file(tmp_path / "pids/demo-jobs.json", jobs)
    process.write_pid_file(tmp_path / "pids/demo.json", itself)
    found = programs_left(tmp_path)
    for program in found:
        program.kill()

    assert [itself, jobs] == found


@pytest.mark.parametrize(
    ("said", "telling"),
    [
        ("starting\nTraceback\nValueError: no lanes\nbye\n", "ValueError: no lanes"),
        ("one\ntwo\n\n", "two"),
        ("", "it said nothing"),
    ],
)
def test_the_telling_line_of_a_log_is_found(tmp_path: Path, said: str, telling: str):
    """An error if there is one, else the last line."""
    log = tmp_path / "jobs.log"
    log.write_text(said, encoding="utf-8")

    assert telling == last_words(log)


def test_a_program_that_cannot_start_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Which one, what it said, and where its log is; nobody waits for it."""
    monkeypatch.setenv("PROX_NONSENSE", "1")
    programs = Programs(tmp_path, tmp_path / "logs", tmp_path / "tmp", servers=(), stages=STAGES)
    with pytest.raises(FatalError) as caught:
        programs.start_api("http://127.0.0.1:9")
    programs.stop()

    told = "api ended (78) before the work was done: unknown variable PROX_NONSENSE: infra/settings.env lists the known ones"
    assert f"{told}; see {tmp_path}/logs/api.log" == str(caught.value)
