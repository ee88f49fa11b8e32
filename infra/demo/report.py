"""What a demo tells at its end."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from infra.demo.answers import Answers
from infra.demo.crm import InCrm
from infra.demo.truth import Nearness

MEASURES = {
    "auc": "0.5 is chance, 1 is perfect order",
    "log_loss": "lower is better",
    "brier": "squared error",
    "ece": "calibration error",
    "base_rate": "how many converted",
}


def best_leads(page: Mapping[str, Any], truths: Mapping[str, float]) -> Table:
    """Whom to call first; beside it the true propensities, where they are known."""
    table = Table("lead", "grade", title="Best leads", title_justify="left")
    table.add_column("propensity", justify="right")
    if truths:
        table.add_column("true", justify="right")
    table.add_column("as of")
    for lead in page["items"]:
        true = [f"{truths[lead['lead']]:.3f}" if lead["lead"] in truths else "-"] if truths else []
        table.add_row(lead["lead"], lead["grade"], f"{lead['propensity']:.3f}", *true, lead["as_of"])
    return table


def quality(page: Mapping[str, Any]) -> Table:
    """How good the model was: each prediction counted once, as it was published before its label was known."""
    table = Table("measure", title="Prequential quality", title_justify="left")
    table.add_column("value", justify="right")
    table.add_column("predictions", justify="right")
    table.add_column("model version", justify="right")
    table.add_column("meaning")
    found = {metric["name"]: metric for metric in page["items"]}
    for name, meaning in MEASURES.items():
        if metric := found.get(name):
            value = "-" if metric["value"] is None else f"{metric['value']:.4f}"
            table.add_row(name, value, f"{metric['points']:,}", str(metric["model_version"]), meaning)
    return table


def against_truth(near: Nearness) -> str:
    """One line on how near published propensities are to the true ones."""
    return (
        f"{near.leads:,} leads, published propensity against the true one: AUC {near.auc:.3f} (the truth itself: {near.best_auc:.3f}), "
        f"mean {near.published:.3f} ({near.true:.3f}), mean difference {near.error:.3f}"
    )


def in_crm(shown: InCrm) -> Table:
    """The CRM's records beside the API's grades."""
    table = Table("lead", "API", "CRM", title="In the CRM", title_justify="left")
    for lead, (ours, theirs) in shown.best.items():
        table.add_row(lead, ours, theirs or "-")
    return table


def pushed(shown: InCrm) -> str:
    """One line on what the CRM shows, and what that took."""
    delay = "" if shown.delay_s is None else f"; a changed grade is there after {shown.delay_s:.1f} s (median)"
    missing = f" ({shown.leads - shown.contacts:,} missing)" if shown.contacts < shown.leads else ""
    share = shown.pushes / max(1, shown.scores)
    return f"{shown.in_step:,} of {shown.leads:,} leads in step{missing}: {shown.pushes:,} pushes for {shown.scores:,} scores ({share:.1%}){delay}"


def how_to_go_on(answers: Answers, variables: Path) -> list[str]:
    """What to try while the demo stays."""
    return [
        "",
        f"The API answers at {answers.url}, its documents are at {answers.url}/docs. In another terminal:",
        f"  set -a; . {shlex.quote(str(variables))}; set +a",
        '  curl -s -H "X-Api-Key: $KEY" "$API/v1/leads?grade=A&limit=5"',
        "Or in one line:",
        f"  curl -s -H 'X-Api-Key: {answers.key}' '{answers.url}/v1/leads?grade=A&limit=5'",
        "Ctrl-C stops everything that the demo started.",
    ]
