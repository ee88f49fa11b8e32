"""The splits of a booster, and which features they bring together."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from models.nightly.columns import Columns

if TYPE_CHECKING:  # LightGBM takes seconds to import, and a job that scores with trees grows none
    import lightgbm

Node = Mapping[str, Any]
"""A split or a leaf, as LightGBM dumps it."""


class Pair(NamedTuple):
    """Two features that split together: `first` < `second`, each as one number (`Columns.feature`).

    `gain` is how much of the loss the lower split of the two took away, summed over all trees.
    """

    first: int
    second: int
    gain: float


def roots(booster: "lightgbm.Booster") -> list[Node]:
    """The top of every tree."""
    return [tree["tree_structure"] for tree in booster.dump_model()["tree_info"]]


def pairs(booster: "lightgbm.Booster", columns: Columns) -> list[Pair]:
    """Pairs of different features of which one is split right below the other, the greatest gain first.

    A product that a linear model cannot see shows itself so: the second split pays only within one side of the first.

    References
    ----------
    [^1]: Friedman and Popescu, "Predictive learning via rule ensembles", Annals of Applied Statistics 2(3), 2008: interactions of trees
    lie along their paths.
    """
    gains: dict[tuple[int, int], float] = {}
    for root in roots(booster):
        for path in _paths(root, ()):
            upper, lower = path[-2:]
            one, other = sorted((columns.feature(upper["split_feature"]), columns.feature(lower["split_feature"])))
            if one != other:
                gains[one, other] = gains.get((one, other), 0.0) + lower["split_gain"]
    return sorted((Pair(*both, gain) for both, gain in gains.items()), key=lambda pair: (-pair.gain, pair))


def _paths(node: Node, above: tuple[Node, ...]) -> Iterator[tuple[Node, ...]]:
    """The path to every split that has another above it."""
    if "split_feature" not in node:
        return
    path = (*above, node)
    if len(path) > 1:
        yield path
    yield from _paths(node["left_child"], path)
    yield from _paths(node["right_child"], path)
