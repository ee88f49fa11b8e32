"""A made market as files: leads whose source decides, or nothing does."""

from pathlib import Path

import numpy as np

from models.dataset.dataset import DataSet
from tests.unit.dataset.small import small

MANIFEST = """
manifest = 1
name = "{name}"
mode = "leads"
[file]
path = "table.csv"
[lead]
column = "id"
[time]
kind = "order"
column = "id"
start = "2026-03-02T00:00:00Z"
step_seconds = {step}
[event]
type = "lead_recorded"
channel = "web"
[attributes]
source = {{ column = "source", kind = "categorical", scope = "profile" }}
size = {{ column = "size", kind = "numeric", scope = "profile" }}
[outcome]
from = "column"
column = "answer"
converted = ["yes"]
lost = ["no"]
known = "{known}"
"""


def manifest(name: str = "market", *, known: str = "at_once", step: int = 1200) -> str:
    return MANIFEST.format(name=name, known=known, step=step)


def table(size: int, *, seed: int = 1, tells: bool = True) -> str:
    """Leads from fairs convert at .8 and others at .2, or all at .5 where the source tells nothing."""
    rng = np.random.default_rng(seed)
    rows = ["id,source,size,answer"]
    for i in range(size):
        source = "fair" if rng.random() < 0.5 else "web"
        chance = (0.8 if source == "fair" else 0.2) if tells else 0.5
        rows.append(f"{i},{source},{rng.integers(1, 500)},{'yes' if rng.random() < chance else 'no'}")
    return "\n".join(rows) + "\n"


def market(size: int, *, known: str = "at_once", tells: bool = True, seed: int = 1) -> DataSet:
    return small(manifest(known=known), table(size, tells=tells, seed=seed))


def written(folder: Path, name: str, size: int) -> Path:
    """The market in a folder of its own; gives the manifest's path."""
    folder.mkdir(parents=True)
    (folder / "manifest.toml").write_text(manifest(name), encoding="utf-8")
    (folder / "table.csv").write_text(table(size), encoding="utf-8")
    return folder / "manifest.toml"
