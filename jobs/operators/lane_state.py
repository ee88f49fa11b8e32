"""Flink's state of a lane as plain mappings, with what was decoded kept at hand."""

from collections.abc import Callable, Iterable, Iterator, MutableMapping
from typing import Any, Generic, TypeVar

from pyflink.common import Time, Types
from pyflink.datastream.functions import RuntimeContext
from pyflink.datastream.state import MapStateDescriptor, StateTtlConfig

T = TypeVar("T")


def bytes_by_text(runtime_context: RuntimeContext, name: str, *, days: int | None = None) -> Any:
    """A map state of text to bytes of our own.

    Bounded by whoever writes it, as a lead's entries go when the lead is forgotten; or by `days` since an entry was last written,
    which can be neither given nor taken away later: Flink reads no state of the other kind.
    """
    descriptor = MapStateDescriptor(name, Types.STRING(), Types.PICKLED_BYTE_ARRAY())
    if days is not None:
        descriptor.enable_time_to_live(StateTtlConfig.new_builder(Time.days(days)).build())
    return runtime_context.get_map_state(descriptor)


class BatchedState:
    """A map state whose writes reach Flink together, at `flush`: a call for each of them costs more than the write itself.

    Whoever writes must flush before the operator returns: by then another lane may be the current one.
    """

    def __init__(self, state: Any) -> None:
        self._state = state
        self._written: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        """The value as last written, or None."""
        written = self._written.get(key)
        return self._state.get(key) if written is None else written

    def put(self, key: str, value: bytes) -> None:
        """Set the value."""
        self._written[key] = value

    def remove(self, key: str) -> None:
        """Drop the value."""
        self._written.pop(key, None)
        self._state.remove(key)

    def keys(self) -> Iterable[str]:
        """All keys of the current lane."""
        return self._written.keys() | set(self._state.keys())

    def flush(self) -> None:
        """Give Flink what was written."""
        if self._written:
            self._state.put_all(self._written)
            self._written = {}


class DecodedCache(Generic[T]):
    """Values of a map state, decoded, the latest ones kept, also of keys that have none: asking Flink costs as much for those.

    Written through: after a failure `open` begins with an empty one.

    Parameters
    ----------
    state
        Text → bytes.
    decode, encode
        Bytes ↔ value; `decode(None)` gives the value of a key that was never written.
    limit
        Values kept decoded; a lead belongs to one lane, so keys of all lanes share the room.
    """

    def __init__(self, state: Any, decode: Callable[[bytes | None], T], encode: Callable[[T], bytes], *, limit: int) -> None:
        self._state = state
        self._decode = decode
        self._encode = encode
        self._limit = limit
        self._decoded: dict[str, T] = {}

    def load(self, key: str) -> T:
        """The value under a key."""
        if key in self._decoded:
            return self._decoded[key]
        stored = self._state.get(key)
        value = self._decode(None if stored is None else bytes(stored))
        self._keep(key, value)
        return value

    def save(self, key: str, value: T) -> None:
        """Write the value, and keep it at hand."""
        self._state.put(key, self._encode(value))
        self._decoded.pop(key, None)
        self._keep(key, value)

    def forget(self, key: str) -> None:
        """Drop the value."""
        self._state.remove(key)
        self._decoded.pop(key, None)

    def keys(self) -> Iterable[str]:
        """All keys of the current lane, decoded or not."""
        return list(self._state.keys())

    def _keep(self, key: str, value: T) -> None:
        if len(self._decoded) >= self._limit:
            del self._decoded[next(iter(self._decoded))]
        self._decoded[key] = value


class StateStore:
    """A map state as a `models.due.DueStore` and a `models.progress.ProgressStore`: what was met lately is kept at hand.

    One for each lane where lanes have equal keys. Whoever writes must `flush`, as with BatchedState.
    """

    def __init__(self, state: Any, *, limit: int) -> None:
        self._batched = BatchedState(state)
        self._values: DecodedCache[bytes | None] = DecodedCache(self._batched, lambda data: data, lambda value: value or b"", limit=limit)

    def read(self, key: str) -> bytes | None:
        """The value, or None."""
        return self._values.load(key)

    def write(self, key: str, value: bytes) -> None:
        """Set the value."""
        self._values.save(key, value)

    def delete(self, key: str) -> None:
        """Drop the value."""
        self._values.forget(key)

    def keys(self) -> Iterable[str]:
        """All keys of the current lane."""
        return self._values.keys()

    def flush(self) -> None:
        """Give Flink what was written."""
        self._batched.flush()


class LaneMap(MutableMapping[str, T]):
    """Something of each lead of the current lane as last written, in Flink's state. Rows outlive it."""

    def __init__(self, state: Any, decode: Callable[[bytes], T], encode: Callable[[T], bytes], *, limit: int) -> None:
        self._values: DecodedCache[T | None] = DecodedCache(
            state, lambda data: None if data is None else decode(data), lambda value: b"" if value is None else encode(value), limit=limit
        )

    def __getitem__(self, key: str) -> T:
        value = self._values.load(key)
        if value is None:
            raise KeyError(key)
        return value

    def __setitem__(self, key: str, value: T) -> None:
        self._values.save(key, value)

    def __delitem__(self, key: str) -> None:
        self._values.forget(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values.keys())

    def __len__(self) -> int:
        return sum(1 for _ in self)
