"""A data set, read whole: its manifest, its records and its scoring points."""

from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import BinaryIO, NamedTuple

from models.dataset import columns, labels, records, rules
from models.dataset.attributes import Attributes
from models.dataset.facts import establish
from models.dataset.labels import ScoringPoint
from models.dataset.manifest import Known, Manifest, parse, validate
from models.dataset.records import Fact
from models.dataset.table import load
from models.dataset.times import order
from schemas.errors import ConfigError
from schemas.policy import TenantPolicy

OpenFile = Callable[[str], BinaryIO]
"""Opens a path for reading bytes; raises OSError."""


class Counts(NamedTuple):
    """What `[expect]` speaks of."""

    file_rows: int
    events: int
    leads: int
    scoring_points: int
    scored_leads: int
    converted: int
    base_rate: float


class DataSet:
    """A data set in memory; use `read`.

    Parameters
    ----------
    manifest
        What its table means.
    open_file
        Opens the manifest's files, named as the manifest names them.
    known
        When labels may be learned, instead of what the manifest says; only where there is no horizon.

    Raises
    ------
    ConfigError
        The table and the manifest do not agree.
    """

    def __init__(self, manifest: Manifest, open_file: OpenFile, *, known: Known | None = None) -> None:
        table = load(manifest, open_file)
        wrong = columns.problems(manifest, table)
        if wrong:
            raise ConfigError(f"{manifest.name}: " + "; ".join(wrong))
        self.manifest = manifest
        ordered = order(table, manifest.time)
        self._facts = establish(manifest, ordered.table, ordered.times, known)
        self._profile = Attributes(manifest, "profile", self._facts.table)
        self._event = Attributes(manifest, "event", self._facts.table)

    @property
    def tenant(self) -> str:
        """The tenant whose records these are."""
        return self.manifest.name

    @property
    def policy(self) -> TenantPolicy:
        """How the tenant's leads are scored and labelled."""
        return self.manifest.policy

    def records(self) -> Iterator[Fact]:
        """Profile updates, events and outcomes in order of event time."""
        return records.records(self.manifest, self._facts, self._profile, self._event)

    def record_count(self) -> int:
        """How many records there are."""
        return records.count(self._facts, self._profile)

    def scoring_points(self) -> Iterator[ScoringPoint]:
        """The events that are scored and have a label, in order of time."""
        return labels.scoring_points(self.manifest, self._facts)

    def counts(self) -> Counts:
        """What `[expect]` is to be compared with; the base rate rounded as it is there."""
        points = list(self.scoring_points())
        converted = sum(point.is_converted for point in points)
        return Counts(
            file_rows=self._facts.table.file_rows,
            events=sum(self._facts.is_event),
            leads=len(set(self._facts.leads)),
            scoring_points=len(points),
            scored_leads=len({point.lead for point in points}),
            converted=converted,
            base_rate=round(converted / len(points), 4) if points else 0.0,
        )


def read_manifest(path: str, open_file: OpenFile) -> Manifest:
    """A manifest without its table.

    Parameters
    ----------
    path
        Of the manifest.
    open_file
        Opens paths.

    Raises
    ------
    ConfigError
        The file is missing, or says what this reader does not know; every problem is named.
    """
    try:
        with open_file(path) as file:
            text = file.read().decode("utf-8")
    except (OSError, UnicodeError) as exc:
        raise ConfigError(f"{path}: {exc}") from exc
    manifest = validate(parse(text, where=path), where=path)
    wrong = rules.problems(manifest)
    if wrong:
        raise ConfigError(f"{path}: " + "; ".join(wrong))
    return manifest


def read(path: str, open_file: OpenFile, *, known: Known | None = None) -> DataSet:
    """A manifest and its table; the manifest's paths are relative to it.

    Raises
    ------
    ConfigError
        The manifest, or what it says of its table, is wrong; every problem of a stage is named.
    """
    manifest = read_manifest(path, open_file)
    if known is not None and (manifest.outcome.horizon_days is not None or manifest.mode == "events"):
        raise ConfigError(f"{path}: known can be given only where the outcome is in a column and has no horizon")
    folder = PurePath(path).parent
    return DataSet(manifest, lambda name: open_file(str(folder / name)), known=known)
