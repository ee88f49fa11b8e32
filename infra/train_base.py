"""`python -m infra train-base`: train the nightly bases, publish them, say how good they are."""

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from connectors.kafka.registry import Registry
from infra.settings import Settings
from schemas.errors import ParityError


def register(app: typer.Typer) -> None:
    """Give the command line `train-base`."""
    app.command("train-base")(_train_base)


def _train_base(tenants: Annotated[list[str] | None, typer.Argument(help="only of these; all when left out")] = None) -> None:
    """Train the nightly base of each tenant on its matured examples, and publish it if its export says the same as its trees."""
    # LightGBM takes seconds to import, and no other command of this program needs it
    from infra.nights import train_bases  # noqa: PLC0415
    from models.nightly import report  # noqa: PLC0415

    settings = Settings.from_environment()
    console, is_refused = Console(), False
    for night in train_bases(settings.kafka, Registry(settings.kafka).codec(), settings.policies(), tenants=tenants or ()):
        if night.trained is not None:
            console.print(report.table(night.trained, night.holdout))
            console.print(f"published: base {night.trained.base.trained_at} of {night.tenant}", soft_wrap=True, markup=False)
        else:
            is_refused |= isinstance(night.refused, ParityError)
            console.print(f"{escape(night.tenant)}: no base published: {escape(str(night.refused))}", soft_wrap=True)
    if is_refused:
        raise typer.Exit(1)
