"""Properties and profile as sparse features, and the names of all of them."""

import math
from collections.abc import Mapping

from models.features.vector import categorical_id, numeric_id
from models.remembering import SALT_COUNT, SALT_PREVIOUS, salted
from schemas.enriched import EnrichedEvent

CACHE_LIMIT = 200_000
"""Attributes kept for look-up by one process; beyond it they are forgotten between two batches and computed again."""
ATTRIBUTE_LIMIT = 200
"""Attributes of one event that become features; the rest, in order of name, is left out."""


class Attributes:
    """Event → its own sparse features, with the names for people in `name_of`."""

    def __init__(self) -> None:
        self.name_of: dict[int, str] = {}
        self._types: dict[str, int] = {}  # never forgotten: a lead's memory speaks of types that it met long ago
        self._categories: dict[tuple[str, str], int] = {}
        self._numbers: dict[str, int] = {}

    def make_room(self) -> None:
        """Forget attributes if there are too many. Only between batches: a batch's vectors are named after all of it was read."""
        if len(self._categories) + len(self._numbers) >= CACHE_LIMIT:
            self._categories.clear()
            self._numbers.clear()
            self.name_of.clear()
            for event_type, type_id in self._types.items():
                self._name_type(event_type, type_id)

    def type_id(self, event_type: str) -> int:
        """Id of an event's type; names its counts too."""
        known = self._types.get(event_type)
        if known is None:
            known = self._types[event_type] = categorical_id(f"event={event_type}")
            self._name_type(event_type, known)
        return known

    def _name_type(self, event_type: str, type_id: int) -> None:
        self.name_of[type_id] = f"event={event_type}"
        self.name_of[int(salted(type_id, SALT_PREVIOUS)) | 1] = f"previous_event={event_type}"
        self.name_of[int(salted(type_id, SALT_COUNT))] = f"events_of_type={event_type}"

    def channel_id(self, channel: str) -> int:
        """Id of an event's channel."""
        return self._category("channel", channel)

    def append(self, event: EnrichedEvent, ids: list[int], values: list[float]) -> None:
        """Add the event's attributes, in order of name within each kind, to the ends of two parallel lists.

        A number x counts as sign(x)·log1p(|x|), which keeps absurd values small; NaN and infinity are left out.
        """
        start = len(ids)
        self._append_texts(event.profile_texts, "profile.", ids, values)
        self._append_texts(event.texts, "", ids, values)
        self._append_numbers(event.profile_numbers, "profile.", ids, values)
        self._append_numbers(event.numbers, "", ids, values)
        if len(ids) - start > ATTRIBUTE_LIMIT:
            del ids[start + ATTRIBUTE_LIMIT :], values[start + ATTRIBUTE_LIMIT :]

    def _append_texts(self, texts: Mapping[str, str], prefix: str, ids: list[int], values: list[float]) -> None:
        for name in sorted(texts) if len(texts) > 1 else texts:
            ids.append(self._category(prefix + name if prefix else name, texts[name]))
            values.append(1.0)

    def _append_numbers(self, numbers: Mapping[str, float], prefix: str, ids: list[int], values: list[float]) -> None:
        for name in sorted(numbers) if len(numbers) > 1 else numbers:
            value = numbers[name]
            if math.isfinite(value):
                ids.append(self._number(prefix + name if prefix else name))
                values.append(math.copysign(math.log1p(abs(value)), value))

    def _category(self, name: str, value: str) -> int:
        key = (name, value)
        known = self._categories.get(key)
        if known is None:
            text = f"{name}={value}"
            known = self._categories[key] = categorical_id(text)
            self.name_of[known] = text
        return known

    def _number(self, name: str) -> int:
        known = self._numbers.get(name)
        if known is None:
            known = self._numbers[name] = numeric_id(name)
            self.name_of[known] = name
        return known
