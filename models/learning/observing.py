"""What is known of attributes without any label: how often they speak, their moments and the edges of their bins. Compiled."""

import math
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from models.learning.encoding import BINS, CATEGORY, EDGES, MARKED, MISSING, NUMBER, VARIES
from models.learning.table import mixed

Array = npt.NDArray[Any]

RESERVOIR = 512
"""Numbers of an attribute that are kept to place its bins by: a uniform sample of all."""
REFITS = (64, 256, 1024, 4096)
"""After so many numbers the bins are placed anew; then never again, as moving bins change what learned weights mean."""
MARK_SHARE = 32
"""An attribute's absence is told apart while the attribute speaks in at least 1 of 32 vectors: else absence is what everyone says."""


@numba.njit(cache=True)
def _place_bins(sample: Array, edges: Array) -> int:
    ordered = np.sort(sample)
    n, count = ordered.shape[0], 0
    for q in range(1, BINS):
        edge = ordered[min(q * n // BINS, n - 1)]
        if edge < ordered[n - 1] and (count == 0 or edge > edges[count - 1]):
            edges[count] = edge
            count += 1
    return count


@numba.njit(cache=True)
def observe(
    said: Array,
    number: Array,
    token: Array,
    total: int,
    seen: Array,
    first: Array,
    counts: Array,
    mean: Array,
    squares: Array,
    sample: Array,
    edge_count: Array,
    edges: Array,
    flags: Array,
    scale: Array,
) -> None:
    """Take one more vector into account.

    Parameters
    ----------
    said, number, token
        From `encoding.read_vector`.
    total
        Vectors observed so far, this one included.
    seen, first, counts, mean, squares, sample, edge_count, edges, flags, scale
        By attribute, changed in place: vectors in which it spoke; what it said first; numbers; their moments by Welford's method; a
        uniform sample of them (Vitter's algorithm R, drawn by a hash of position and attribute); the bins' edges; flags; one over the
        standard deviation, 0 for a constant.

    References
    ----------
    [^1]: Welford, "Note on a method for calculating corrected sums of squares and products", Technometrics 4(3), 1962.
    [^2]: Vitter, "Random sampling with a reservoir", ACM Transactions on Mathematical Software 11(1), 1985.
    """
    for g in range(said.shape[0]):
        if said[g] != MISSING:
            what = number[g] if said[g] == NUMBER else np.float64(token[g])
            if seen[g] == 0:
                first[g] = what
            elif first[g] != what:
                flags[g] |= np.uint8(VARIES)
            seen[g] += 1
        if seen[g] < total:
            flags[g] |= np.uint8(VARIES)
        is_marked = seen[g] < total and seen[g] * MARK_SHARE >= total
        flags[g] = (flags[g] | np.uint8(MARKED)) if is_marked else (flags[g] & np.uint8(VARIES))
        if said[g] != NUMBER:
            continue
        value = number[g]
        counts[g] += 1
        step = value - mean[g]
        mean[g] += step / counts[g]
        squares[g] += step * (value - mean[g])
        variance = squares[g] / counts[g]
        scale[g] = 1.0 / math.sqrt(variance) if variance > 1e-9 else 0.0
        at = counts[g] - 1
        if at >= RESERVOIR:
            at = np.int64(mixed(np.uint64(at) * np.uint64(2654435761) + np.uint64(g + 1)) % np.uint64(counts[g]))
        if at < RESERVOIR:
            sample[g, at] = value
        for refit in REFITS:
            if counts[g] == refit:
                edge_count[g] = _place_bins(sample[g, : min(counts[g], RESERVOIR)], edges[g])


assert CATEGORY > NUMBER
assert EDGES == BINS - 1
