"""How far the labels of each lead were learned: what of an example is new."""

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgpack

from schemas.errors import FatalError
from schemas.example import MaturedExample
from schemas.ids import KEY_SEPARATOR
from schemas.policy import DAY_MS

VERSION = 1
KEPT_MS = 365 * DAY_MS
"""As long as the jobs remember a silent lead: after that it may be numbered from 1 again. Kept at least so long, and at most twice."""
NONE = -1


class ProgressStore(Protocol):
    """Where progress lives: a map of text to bytes."""

    def read(self, key: str) -> bytes | None:
        """The value, or None."""

    def write(self, key: str, value: bytes) -> None:
        """Set the value."""

    def delete(self, key: str) -> None:
        """Drop the value."""

    def keys(self) -> Iterable[str]:
        """All keys."""


class LeadProgress:
    """Of each interval the highest sequence whose label was learned, and the latest `as_of` of them, in ms.

    It is enough: a lead's points are looked at together, each no earlier than the one before, so the labels of an interval come in order
    of their sequences (tests/property/models/test_progress_laws.py). What comes with a sequence that was reached is a repeat.
    """

    __slots__ = ("as_of", "learned")

    def __init__(self, as_of: int, learned: list[int]) -> None:
        self.as_of = as_of
        self.learned = learned

    def take(self, example: MaturedExample) -> MaturedExample | None:
        """The example without the labels that were taken before; None: it holds no other."""
        if example.as_of - self.as_of >= KEPT_MS:
            self.learned = []
        self.learned += [NONE] * (example.last_interval + 1 - len(self.learned))
        intervals = range(example.first_interval, example.last_interval + 1)
        first = next((k for k in intervals if self.learned[k] < example.sequence), None)
        if first is None:
            return None
        self.as_of = max(self.as_of, example.as_of)
        for k in range(first, example.last_interval + 1):
            self.learned[k] = max(self.learned[k], example.sequence)
        return example if first == example.first_interval else example._replace(first_interval=first)

    def to_bytes(self) -> bytes:
        """A version, then msgpack: some 20 bytes."""
        return bytes(msgpack.packb([VERSION, self.as_of, self.learned]))

    @classmethod
    def from_bytes(cls, data: bytes) -> "LeadProgress":
        """What `to_bytes` wrote.

        Raises
        ------
        FatalError
            Written by another version of the encoding.
        """
        version, *fields = msgpack.unpackb(data)
        if version != VERSION:
            raise FatalError(f"progress of version {version}, this release reads {VERSION}")
        return cls(*fields)


class Progress:
    """Tells repeats from news, for examples that are published at least once.

    Parameters
    ----------
    store
        Keys are `tenant|generation|lead`, a generation being KEPT_MS of event time; a lead is kept under the one it was last met in.
    """

    def __init__(self, store: ProgressStore) -> None:
        self._store = store
        self._generations: dict[str, int] = {}

    def unlearned(self, examples: Sequence[MaturedExample]) -> list[MaturedExample]:
        """What is new of these, in order; it counts as learned from now on."""
        touched: dict[tuple[str, str], LeadProgress] = {}
        new = []
        for example in examples:
            of_lead = (example.tenant, example.lead)
            self._advance(example.tenant, example.matured_at // KEPT_MS)
            progress = touched.get(of_lead)
            if progress is None:
                progress = touched[of_lead] = self._load(*of_lead)
            taken = progress.take(example)
            if taken is not None:
                new.append(taken)
        for (tenant, lead), progress in touched.items():
            self._store.write(_key(tenant, self._generations[tenant], lead), progress.to_bytes())
        return new

    def _load(self, tenant: str, lead: str) -> LeadProgress:
        generation = self._generations[tenant]
        stored = self._store.read(_key(tenant, generation, lead)) or self._store.read(_key(tenant, generation - 1, lead))
        return LeadProgress(0, []) if stored is None else LeadProgress.from_bytes(stored)

    def _advance(self, tenant: str, generation: int) -> None:
        """Forget what is older than the generation before this one."""
        if tenant not in self._generations:
            self._generations[tenant] = max(self._kept(tenant).values(), default=NONE)
        if generation > self._generations[tenant]:
            self._generations[tenant] = generation
            for key, of_key in self._kept(tenant).items():
                if of_key < generation - 1:
                    self._store.delete(key)

    def _kept(self, tenant: str) -> dict[str, int]:
        of_tenant = f"{tenant}{KEY_SEPARATOR}"
        keys = [key for key in self._store.keys() if key.startswith(of_tenant)]  # noqa: SIM118 - a store is no dict
        return {key: int(key[len(of_tenant) :].partition(KEY_SEPARATOR)[0]) for key in keys}


def _key(tenant: str, generation: int, lead: str) -> str:
    return f"{tenant}{KEY_SEPARATOR}{generation}{KEY_SEPARATOR}{lead}"
