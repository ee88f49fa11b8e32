"""What a demo shows at its end."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from infra.demo import report
from infra.demo.answers import Answers
from infra.demo.crm import InCrm

PAGE = {"items": [{"lead": "ada", "propensity": 0.8125, "grade": "A1", "as_of": "2026-03-02T09:00:00.000Z"}], "next": None}
METRICS = {
    "items": [
        {"name": "log_loss", "model": "m", "value": 0.5612, "points": 1_234, "model_version": 7},
        {"name": "auc", "model": "m", "value": 0.7543, "points": 1_234, "model_version": 7},
    ]
}


def shown(table: Table) -> str:
    console = Console(width=160)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def test_the_best_leads_are_shown_as_the_api_gave_them():
    """Lead, grade, propensity, and no column for a truth that nobody knows."""
    text = shown(report.best_leads(PAGE, {}))

    assert all(part in text for part in ("ada", "A1", "0.812", "2026-03-02T09:00:00.000Z"))
    assert "true" not in text


def test_the_truth_stands_beside_what_was_published():
    """Where it is known."""
    assert "0.750" in shown(report.best_leads(PAGE, {"ada": 0.75}))


def test_quality_begins_with_auc_and_log_loss():
    """In this order, whatever the API's."""
    text = shown(report.quality(METRICS))

    assert 0 < text.index("auc") < text.index("0.7543") < text.index("log_loss") < text.index("0.5612")


def test_the_crms_records_stand_beside_the_apis_grades():
    """How many are in step, how many scores were pushed, and how long a changed grade took."""
    shown_there = InCrm(leads=4, contacts=3, in_step=2, pushes=6, scores=100, delay_s=2.345, best={"ada": ("A1", "A1"), "bob": ("B2", "")})
    expected = "2 of 4 leads in step (1 missing): 6 pushes for 100 scores (6.0%); a changed grade is there after 2.3 s (median)"

    assert expected == report.pushed(shown_there)
    assert all(part in shown(report.in_crm(shown_there)) for part in ("ada", "A1", "bob", "B2", "-"))


def test_requests_to_try_can_be_pasted():
    """They carry the key and the address, and a path with a blank is quoted."""
    lines = report.how_to_go_on(Answers("http://127.0.0.1:8000", "secret"), Path("/a run/demo.env"))

    assert "  set -a; . '/a run/demo.env'; set +a" in lines
    assert "  curl -s -H 'X-Api-Key: secret' 'http://127.0.0.1:8000/v1/leads?grade=A&limit=5'" in lines
