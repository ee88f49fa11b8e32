"""All that a learner holds, as one argument of compiled code."""

from typing import Any

import numba
from numba import types
from numba.experimental import structref


@structref.register
class _HeldType(types.StructRef):  # type: ignore[misc] # numba has no types
    def preprocess_fields(self, fields: Any) -> Any:
        """Every float is one type, whatever its value."""
        return tuple((name, types.unliteral(kind)) for name, kind in fields)


class Held(structref.StructRefProxy):  # type: ignore[misc] # numba has no types
    """References to a learner's arrays, and its constants; `hold` makes it.

    Each array that is an argument of its own is some five lines of memory to look at before a kernel begins, none of them in the cache
    after a batch was scored.
    """


structref.define_proxy(
    Held,
    _HeldType,
    [
        "start",
        "trial_start",
        "intervals",
        "rates",
        "attribute_keys",
        "attribute_places",
        "attributes",
        "flags",
        "seen",
        "first",
        "counts",
        "mean",
        "squares",
        "scale",
        "values",
        "edge_count",
        "edges",
        "sample",
        "column_keys",
        "column_places",
        "keys",
        "groups",
        "is_cross",
        "sums",
        "slots",
        "ftrl",
        "loss",
        "base_loss",
        "base_sums",
        "belief",
        "covariance",
        "gains",
        "taken",
        "tried",
        "gain",
        "contexts",
        "taught",
    ],
)


@numba.njit(cache=True)
def hold(*what: Any) -> Held:
    """Hold what is given, in the order of the fields; to be made anew when one of the arrays is replaced by another."""
    return Held(*what)
