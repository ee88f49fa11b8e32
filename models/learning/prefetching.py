"""Memory that is asked for before it is needed, so that the processor waits for many lines of it at once. Compiled."""

from typing import Any

import numba
import numpy.typing as npt
from numba import types
from numba.core.cgutils import int32_t, ir, voidptr_t
from numba.extending import intrinsic

Array = npt.NDArray[Any]

LINE = 16
"""Numbers of single precision that come together, 64 bytes."""
_TO_READ, _TO_ALL_CACHES, _DATA = 0, 3, 1


@intrinsic
def prefetch(_: Any, array: Any, at: Any) -> Any:
    """Ask for the element `at`, counted as if the array had one dimension; nothing is changed, and nothing waits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        place = builder.bitcast(builder.gep(data, [arguments[1]]), voidptr_t)
        kind = ir.FunctionType(ir.VoidType(), [voidptr_t, int32_t, int32_t, int32_t])
        called = builder.module.declare_intrinsic("llvm.prefetch", [voidptr_t], kind)
        builder.call(called, [place, *(int32_t(how) for how in (_TO_READ, _TO_ALL_CACHES, _DATA))])
        return context.get_dummy_value()

    return types.void(array, types.unliteral(at)), generate


@numba.njit(cache=True)
def prefetch_all(array: Array, first: int, count: int) -> None:
    """Ask for `count` elements, at least one, from `first` on, as `prefetch` does; the array is contiguous, in single precision."""
    for at in range(first, first + count, LINE):
        prefetch(array, at)
    prefetch(array, first + count - 1)
