"""How well people were told apart, where the truth is known."""

from collections import Counter
from collections.abc import Hashable, Iterable
from typing import NamedTuple


class Pairwise(NamedTuple):
    """Over all pairs of records, 1 where there are none.

    Precision is the share of the pairs put together that belong together, recall the share of those that belong together that were put so.
    """

    precision: float
    recall: float
    pairs: int


def pairwise(assigned: Iterable[tuple[Hashable, Hashable]]) -> Pairwise:
    """Precision and recall of a clustering, from the sizes of its clusters alone (Menestrina et al. 2010, "Evaluating entity resolution results").

    Parameters
    ----------
    assigned
        For each record the cluster that it was put into and the one that it belongs to.

    Examples
    --------
    >>> pairwise([("a", 1), ("a", 1), ("a", 2), ("b", 2)])
    Pairwise(precision=0.3333333333333333, recall=0.5, pairs=2)
    """
    both = Counter(assigned)
    put, true = Counter[Hashable](), Counter[Hashable]()
    for (cluster, truth), records in both.items():
        put[cluster] += records
        true[truth] += records
    found, together, wanted = _pairs(both), _pairs(put), _pairs(true)
    return Pairwise(found / together if together else 1.0, found / wanted if wanted else 1.0, wanted)


def _pairs(sizes: "Counter[Hashable] | Counter[tuple[Hashable, Hashable]]") -> int:
    return sum(n * (n - 1) // 2 for n in sizes.values())
