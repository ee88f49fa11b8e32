"""A manifest's hints as properties of its events: for comparison only, as no customer lists such things."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from math import exp, expm1, floor, log1p

from models.dataset.manifest import Manifest
from models.dataset.records import Fact
from schemas.event import OBSERVATION, PROFILE_UPDATED, Event
from schemas.ids import Millis
from schemas.policy import DAY_MS

UNIT_MS = {"minute": 60_000, "hour": 3_600_000, "day": DAY_MS}
STEPS = 2.0
"""Bins of a number in a cross by unit of its logarithm: the reference run has quantiles, which no single event knows."""

Values = dict[str, str | float]


class _Lead:
    """What the hints need of a lead's past."""

    def __init__(self) -> None:
        self.times: list[Millis] = []
        self.decayed = 0.0
        self.longest_gap = 0.0
        self.types: dict[str, int] = {}
        self.sums: dict[str, tuple[float, int]] = {}
        self.profile: Values = {}


class Hints:
    """`[memory]`, `[calendar]` and `crosses` of a manifest, computed as events come.

    Parameters
    ----------
    manifest
        Where they are listed.
    """

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._leads: dict[str, _Lead] = {}

    def told(self, facts: Iterable[Fact]) -> Iterator[Fact]:
        """The records, events with the hints among their properties; in order of time, from the first."""
        for fact in facts:
            if not isinstance(fact, Event) or fact.channel == OBSERVATION:
                yield fact
                continue
            lead = self._leads.setdefault(fact.lead, _Lead())
            if fact.type == PROFILE_UPDATED:
                lead.profile.update(fact.properties)
                yield fact
                continue
            hints = self._memory(lead, fact) | self._calendar(fact)
            crosses = self._crosses({"event.type": fact.type} | lead.profile | fact.properties | hints)
            yield fact._replace(properties=fact.properties | hints | crosses)

    def _memory(self, lead: _Lead, event: Event) -> Values:
        rule = self._manifest.memory
        if rule is None:
            return {}
        at, unit = event.occurred_at, UNIT_MS[rule.unit]
        gap = at - lead.times[-1] if lead.times else 0
        if rule.decay_days is not None:
            lead.decayed = lead.decayed * exp(-gap / (rule.decay_days * DAY_MS)) + 1.0
        lead.times.append(at)
        lead.longest_gap = max(lead.longest_gap, gap)
        lead.types[event.type] = lead.types.get(event.type, 0) + 1
        n, age = len(lead.times), at - lead.times[0]
        known: Values = {
            "age": log1p(age / unit),
            "gap": log1p(gap / unit),
            "count": float(n),
            "decayed": lead.decayed,
            "mean_gap": log1p(age / (n - 1) / unit) if n > 1 else -1.0,
            "max_gap": log1p(lead.longest_gap / unit),
            "first": "true" if n == 1 else "false",
        }
        values = {f"memory.{entry}": known[entry] for entry in rule.features}
        values |= {f"memory.mean.{name}": mean for name in rule.means if (mean := self._mean(lead, event, name)) is not None}
        return values | {f"memory.count.{one}": float(lead.types.get(one, 0)) for one in rule.count_types}

    def _mean(self, lead: _Lead, event: Event, name: str) -> float | None:
        value = (lead.profile | event.properties).get(name)
        total, n = lead.sums.get(name, (0.0, 0))
        if isinstance(value, float | int):
            total, n = total + (expm1(value) if self._manifest.attributes[name].transform == "log1p" else value), n + 1
            lead.sums[name] = total, n
        return log1p(max(total / n, 0.0)) if n else None

    def _calendar(self, event: Event) -> Values:
        rule = self._manifest.calendar
        if rule is None:
            return {}
        at = datetime.fromtimestamp(event.occurred_at / 1000, UTC)
        known: Values = {"hour": float(at.hour), "weekday": str(at.weekday()), "month": str(at.month)}
        return {f"calendar.{entry}": known[entry] for entry in rule.features}

    def _crosses(self, values: Values) -> Values:
        return {f"{first} × {second}": f"{self._member(first, values)} × {self._member(second, values)}" for first, second in self._manifest.crosses}

    def _member(self, name: str, values: Values) -> str:
        value = values.get(name, "none")
        if isinstance(value, str):
            return value
        attribute = self._manifest.attributes.get(name)
        is_logarithm = attribute is None or attribute.transform == "log1p"
        return str(floor(STEPS * (value if is_logarithm else log1p(abs(value)) * (1 if value >= 0 else -1))))
