"""Which columns a manifest uses, so that none is overlooked."""

from collections.abc import Iterator

from models.dataset.manifest import Manifest
from models.dataset.table import Table


def problems(manifest: Manifest, table: Table) -> list[str]:
    """Columns that the manifest wants and the table has not, and those that it neither uses nor drops."""
    wanted = dict(_wanted(manifest))
    has = table.columns.keys()
    used = set(wanted) | set(manifest.dropped) | _used_in_reading(manifest)
    return [
        *(f"{key}: the table has no column {name!r}" for name, key in wanted.items() if name not in has),
        *(f"column {name!r} is neither used nor dropped" for name in has if name not in used),
    ]


def _used_in_reading(manifest: Manifest) -> set[str]:
    return {*manifest.file.where, *manifest.file.sum_by, *manifest.file.sum, *(join.on for join in manifest.joins)}


def _wanted(manifest: Manifest) -> Iterator[tuple[str, str]]:
    if manifest.lead.column is not None:
        yield manifest.lead.column, "lead.column"
    yield from _of_time(manifest)
    if manifest.event.type_column is not None:
        yield manifest.event.type_column, "event.type_column"
    for name in manifest.event.where:
        yield name, "event.where"
    for attribute_name, attribute in manifest.attributes.items():
        yield attribute.column, f"attributes.{attribute_name}"
    if manifest.outcome.column is not None:
        yield manifest.outcome.column, "outcome.column"
    if manifest.outcome.time_column is not None:
        yield manifest.outcome.time_column, "outcome.time_column"


def _of_time(manifest: Manifest) -> Iterator[tuple[str, str]]:
    for key in ("column", "tie_column", "month_column", "day_column"):
        name = getattr(manifest.time, key, None)
        if name is not None:
            yield name, f"time.{key}"
