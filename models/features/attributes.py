"""Properties and profile as sparse features, and the names of all of them."""

from collections.abc import Mapping
from math import isfinite, log1p

from models.features.vector import LOW, categorical_id, numeric_id
from models.remembering import (
    PACE,
    PREVIOUS_EVENT,
    SALT_CHANNEL,
    SALT_COUNT,
    SALT_FADED,
    SALT_LAST,
    SALT_SUM,
    STAGE,
    STAGE_GAP,
    TYPE_FADED,
    salted,
)
from schemas.enriched import EnrichedEvent

CACHE_LIMIT = 200_000
"""Attributes kept for look-up by one process; beyond it they are forgotten between two batches and computed again."""
OF_MEMORY = {TYPE_FADED: "type_decayed", STAGE: "stage", STAGE_GAP: "stage_gap", PACE: "pace"}
ATTRIBUTE_LIMIT = 200
"""Attributes of one event that become features; the rest, in order of name, is left out."""


class Attributes:
    """Event → its own sparse features, with the names for people in `name_of`."""

    def __init__(self) -> None:
        self.name_of: dict[int, str] = {}
        self._channels: dict[str, int] = {}
        self._types: dict[str, int] = {}  # never forgotten: a lead's memory speaks of types that it met long ago
        self._of_event = _Ids("", self.name_of)
        self._of_profile = _Ids("profile.", self.name_of)

    def make_room(self) -> None:
        """Forget attributes if there are too many. Only between batches: a batch's vectors are named after all of it was read."""
        if len(self.name_of) - 3 * len(self._types) >= CACHE_LIMIT:
            self._of_event.clear()
            self._of_profile.clear()
            self._channels.clear()
            self.name_of.clear()
            for event_type, type_id in self._types.items():
                self._name_type(event_type, type_id)

    def type_id(self, event_type: str) -> int:
        """Id of an event's type; names its counts too."""
        known = self._types.get(event_type)
        if known is None:
            known = self._types[event_type] = categorical_id("event", event_type)
            self._name_type(event_type, known)
        return known

    def _name_type(self, event_type: str, type_id: int) -> None:
        low = type_id & LOW
        self.name_of[type_id] = f"event={event_type}"
        self.name_of[PREVIOUS_EVENT | low] = f"previous_event={event_type}"
        self.name_of[_salted(low, SALT_COUNT)] = f"events_of_type={event_type}"

    def channel_id(self, channel: str) -> int:
        """Id of an event's channel; names its counts too."""
        known = self._channels.get(channel)
        if known is None:
            known = self._channels[channel] = self._of_event.category(("channel", channel))
            self.name_of[_salted(known & LOW, SALT_CHANNEL)] = f"events_of_channel={channel}"
            self.name_of[_salted(known & LOW, SALT_FADED)] = f"decayed_of_channel={channel}"
        return known

    def append(self, event: EnrichedEvent, ids: list[int], values: list[float]) -> int:
        """Add the event's attributes, in order of name within each kind, to the ends of two parallel lists; gives where its own numbers begin.

        A number x counts as sign(x)·log1p(|x|), which keeps absurd values small; NaN and infinity are left out.
        """
        start = len(ids)
        self._of_profile.append_texts(event.profile_texts, ids, values)
        self._of_event.append_texts(event.texts, ids, values)
        self._of_profile.append_numbers(event.profile_numbers, ids, values)
        numbers_from = len(ids)
        self._of_event.append_numbers(event.numbers, ids, values)
        if len(ids) - start > ATTRIBUTE_LIMIT:
            del ids[start + ATTRIBUTE_LIMIT :], values[start + ATTRIBUTE_LIMIT :]
        return numbers_from


class _Ids:
    """Ids of the attributes that have one prefix, looked up by what the maps hold: nothing is built for a name that was met before."""

    def __init__(self, prefix: str, name_of: dict[int, str]) -> None:
        self._prefix = prefix
        self._name_of = name_of
        self._categories: dict[tuple[str, str], int] = {}
        self._numbers: dict[str, int] = {}

    def clear(self) -> None:
        self._categories.clear()
        self._numbers.clear()

    def append_texts(self, texts: Mapping[str, str], ids: list[int], values: list[float]) -> None:
        known = self._categories
        for item in sorted(texts.items()) if len(texts) > 1 else texts.items():
            ids.append(known.get(item) or self.category(item))
            values.append(1.0)

    def append_numbers(self, numbers: Mapping[str, float], ids: list[int], values: list[float]) -> None:
        for name, value in sorted(numbers.items()) if len(numbers) > 1 else numbers.items():
            if isfinite(value):
                ids.append(self._numbers.get(name) or self._number(name))
                values.append(log1p(value) if value >= 0.0 else -log1p(-value))

    def category(self, item: tuple[str, str]) -> int:
        known = self._categories.get(item)
        if known is None:
            name = self._prefix + item[0]
            known = self._categories[item] = categorical_id(name, item[1])
            self._name_of[known] = f"{name}={item[1]}"
            self._name_of[numeric_id(name)] = name
        return known

    def _number(self, name: str) -> int:
        text = self._prefix + name
        known = self._numbers[name] = numeric_id(text)
        self._name_of[known] = text
        self._name_of[_salted(known >> 32, SALT_SUM)] = f"sum_of={text}"
        self._name_of[_salted(known >> 32, SALT_LAST)] = f"last_of={text}"
        return known


def _salted(name: int, salt: int) -> int:
    return int(salted(name, salt)) << 32
