"""The manifest of a data set, version 1, as typed values."""

import tomllib
from datetime import UTC, datetime, time
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from schemas.errors import ConfigError
from schemas.policy import DAY_MS, TenantPolicy

VERSION = 1
CROSS_SIZE = 2


def _text(value: object) -> object:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Text = Annotated[str, BeforeValidator(_text)]
"""A value of a table's column; a number in the manifest stands for its text."""

Where = dict[str, tuple[Text, ...]]
"""Column → the values that a row may have there; a row needs all columns to agree."""

Known = Literal["at_once", "next_day", "at_outcome"]


class Section(BaseModel):
    """A table of the manifest: an unknown key is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Origin(Section):
    """Where the data are from; for people."""

    source: str | None = Field(default=None, alias="from")
    commit: str | None = None
    derived: str | None = None
    licence: str | None = None
    cite: str | None = None


class Reading(Section):
    """How a file's bytes become rows of texts."""

    path: str
    delimiter: str = Field(default=",", pattern=r"^(.|\t|whitespace)$")
    encoding: str = "utf-8"
    header: tuple[str, ...] | None = None
    missing: tuple[Text, ...] = ("",)


class File(Reading):
    """The table itself."""

    where: Where = {}
    sum_by: tuple[str, ...] = ()
    sum: tuple[str, ...] = ()


class Join(Reading):
    """A left join; the first match counts."""

    on: str
    columns: tuple[str, ...]


class Lead(Section):
    """Whose row it is: `column`, or every row is a lead of its own."""

    column: str | None = None
    row: bool = False


class TimestampTime(Section):
    """Times are in a column."""

    kind: Literal["timestamp"]
    column: str
    format: str = "iso8601"
    time_of_day: time | None = None
    tie_column: str | None = None


class OrderTime(Section):
    """No times exist: rows are a fixed step apart."""

    kind: Literal["order"]
    column: str | None = None
    start: Annotated[datetime, AfterValidator(_utc)]
    step_seconds: float = Field(ge=0)


class MonthDayTime(Section):
    """Month and day are known and rows are in order; the year is rebuilt."""

    kind: Literal["month_day"]
    month_column: str
    day_column: str
    first_year: int = Field(ge=1, le=9_000)
    rollover_months: int = Field(ge=0, le=11)
    step_seconds: float = Field(ge=0)


class EventRule(Section):
    """What of a row is an event, its type, its channel."""

    type_column: str | None = None
    type: str | None = None
    where: Where = {}
    channel: str | None = None
    channels: dict[str, str] = {}
    stages: tuple[tuple[str, ...], ...] = ()


class Attribute(Section):
    """One attribute of a lead or of an event."""

    column: str
    kind: Literal["numeric", "categorical"]
    scope: Literal["profile", "event"]
    transform: Literal["log1p", "prefix", "multiple_of"] | None = None
    length: int | None = Field(default=None, ge=1)
    step: float | None = Field(default=None, gt=0)
    otherwise: str | None = None


class MemoryHint(Section):
    """What the reference run remembers per lead."""

    unit: Literal["minute", "hour", "day"] = "hour"
    decay_days: float | None = Field(default=None, gt=0)
    features: tuple[Literal["age", "gap", "count", "decayed", "mean_gap", "max_gap", "first"], ...] = ()
    count_types: tuple[str, ...] = ()
    means: tuple[str, ...] = ()


class CalendarHint(Section):
    """What the reference run takes from an event's time."""

    timezone: Literal["UTC"] = "UTC"
    features: tuple[Literal["hour", "weekday", "month"], ...] = ()


class ScoreRule(Section):
    """Which events are not scored."""

    skip_types: frozenset[str] = frozenset()


class OutcomeRule(Section):
    """Which leads converted, when, and when that was known."""

    source: Literal["events", "column"] = Field(alias="from")
    converted: tuple[Text, ...] = ()
    lost: tuple[Text, ...] = ()
    repeatable: bool = False
    horizon_days: float | None = Field(default=None, gt=0)
    column: str | None = None
    converted_when: Literal["present"] | None = None
    time_column: str | None = None
    min_delay_hours: float = Field(default=0.0, ge=0)
    known: Known | None = None


class Expect(Section):
    """What a correct reader finds, and what the reference learner reaches."""

    file_rows: int | None = None
    events: int | None = None
    leads: int | None = None
    scoring_points: int | None = None
    scored_leads: int | None = None
    converted: int | None = None
    base_rate: float | None = None
    auc: float | None = None
    log_loss: float | None = None
    ece15: float | None = None


class Manifest(Section):
    """A whole manifest."""

    manifest: Literal[1]
    # it becomes the tenant, and a tenant holds no separator
    name: str = Field(pattern=r"^[^|\s]+$")
    title: str = ""
    mode: Literal["events", "leads"]
    crosses: tuple[Annotated[tuple[str, ...], Field(min_length=CROSS_SIZE, max_length=CROSS_SIZE)], ...] = ()
    origin: Origin = Origin()
    file: File
    joins: tuple[Join, ...] = ()
    lead: Lead
    time: Annotated[TimestampTime | OrderTime | MonthDayTime, Field(discriminator="kind")]
    event: EventRule
    attributes: dict[str, Attribute] = {}
    memory: MemoryHint | None = None
    calendar: CalendarHint | None = None
    dropped: dict[str, str] = {}
    score: ScoreRule = ScoreRule()
    outcome: OutcomeRule
    expect: Expect = Expect()

    @property
    def policy(self) -> TenantPolicy:
        """What a live system needs of it."""
        days = self.outcome.horizon_days
        return TenantPolicy(
            window_ms=None if days is None else round(days * DAY_MS),
            skip_types=self.score.skip_types,
            is_repeatable=self.outcome.repeatable,
            stages=self.event.stages,
        )

    @property
    def feature_names(self) -> list[str]:
        """The features of the reference run, in order."""
        memory, calendar = self.memory or MemoryHint(), self.calendar or CalendarHint()
        return [
            *(["event.type"] if self.event.type_column else []),
            *self.attributes,
            *(f"memory.{entry}" for entry in memory.features),
            *(f"memory.mean.{name}" for name in memory.means),
            *(f"calendar.{entry}" for entry in calendar.features),
            *(f"memory.count.{event_type}" for event_type in memory.count_types),
        ]


def parse(text: str, *, where: str) -> dict[str, Any]:
    """The tables of a TOML text that says it is a manifest of version 1.

    Raises
    ------
    ConfigError
        No TOML, or another version.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError(f"{where}: no TOML: {exc}") from exc
    if tables.get("manifest") != VERSION or isinstance(tables["manifest"], bool):
        raise ConfigError(f"{where}: manifest = {tables.get('manifest')!r}, this reader knows version {VERSION}")
    return tables


def validate(tables: dict[str, Any], *, where: str) -> Manifest:
    """The manifest, typed.

    Raises
    ------
    ConfigError
        Naming every unknown key, missing key and wrong value.
    """
    try:
        return Manifest.model_validate(tables)
    except ValidationError as exc:
        raise ConfigError(f"{where}: " + "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in exc.errors())) from exc
