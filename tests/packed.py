"""One vector, packed as a batch of its own."""

from models.features.packing import Names, pack


def packed_alone(vector: bytes, names: Names) -> tuple[bytes, Names]:
    """The vector, packed by its lead's names, and those with what was new to them."""
    (packed,), (after,) = pack([vector], [0], [False], [names])
    return packed, after
