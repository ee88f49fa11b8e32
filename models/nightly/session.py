"""An ONNX model of trees, run on one thread."""

import numpy as np
import numpy.typing as npt

from schemas.errors import PoisonRecordError

IN, OUT = "columns", "logit"


class Session:
    """What onnxruntime makes of the bytes.

    Raises
    ------
    PoisonRecordError
        No ONNX model, or not one with our input and output.
    """

    def __init__(self, onnx_bytes: bytes) -> None:
        import onnxruntime  # noqa: PLC0415 - a job whose tenants have no base needs none of it; made once for each base

        options = onnxruntime.SessionOptions()
        # a batch of 64 is done before threads of a pool wake up, and a TaskManager has better use for its cores
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(onnx_bytes, options, providers=["CPUExecutionProvider"])
        except Exception as exc:  # its errors have no class in common
            raise PoisonRecordError(f"bytes that are no ONNX model: {type(exc).__name__}") from exc
        if [one.name for one in self._session.get_inputs()] != [IN] or [one.name for one in self._session.get_outputs()] != [OUT]:
            raise PoisonRecordError(f"an ONNX model without the input {IN!r} and the output {OUT!r}")

    @property
    def width(self) -> int:
        """Columns it wants."""
        return int(self._session.get_inputs()[0].shape[1])

    def raw(self, matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """The logit of each row."""
        if not len(matrix):
            return np.zeros(0)
        return np.asarray(self._session.run([OUT], {IN: matrix})[0], np.float64)[:, 0]


def logistic(logit: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Logits as probabilities, without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logit)))
