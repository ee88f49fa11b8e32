"""Which additions to the plain features help this tenant: each tried by a small learner of its own, beside a plain one. Compiled."""

import math
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from models.features.registry import CLOCK
from models.learning.regression import BETA, LOGIT_LIMIT

Array = npt.NDArray[Any]

PLAIN, WITH_CLOCK, FIRST_CONTEXT = 0, 1, 2
CONTEXTS = 24
"""Attributes that are tried as context, the first that were met."""
CONTEXT_VALUES = 64
"""An attribute with more values than this is no context."""
SLOTS = 1 << 13
"""Weights of one trial; features share them by hash."""
RATE = 0.08
DECAY = 0.9997
"""Losses fade with a mean life of 3,300 labels, so that a trial may win or lose with the seasons."""
MARGIN = 8.0
"""Nats by which an addition must beat what is in use: the odds of 3,000 to 1 leave room for all that are tried."""
REMEMBERED = 1 << 14
"""Leads that are known to have taught already; the table forgets by hash."""


@numba.njit(cache=True)
def try_all(
    z: Array,
    root: Array,
    gain: Array,
    contexts: Array,
    token: Array,
    wanted: Array,
    inputs: Array,
    groups: Array,
    plain: int,
    salts: Array,
    label: float,
    start: float,
    judged: bool,
    slots: Array,
) -> None:
    """Teach every trial one label, after comparing what it and the plain one foretold.

    Parameters
    ----------
    z, root
        (trials, SLOTS), changed in place: FTRL's accumulators, as in `regression.learn_label`.
    gain
        By trial, changed in place: by how many nats it foretold better than the plain one, fading.
    contexts
        Attribute of each trial from FIRST_CONTEXT on; -1: none yet.
    token, wanted, inputs, groups, plain
        From `encoding.encode` without a context and with the clock: `plain` features.
    salts
        By attribute: the upper half of its ids.
    judged
        Whether this lead has taught nothing before: only then is a fresh prediction a fair one.
    slots
        Scratch, for all features and crosses.
    """
    mask = np.uint64(SLOTS - 1)
    for i in range(plain):
        slots[i] = np.int64(wanted[i] & mask)
    plain_loss = 0.0
    for trial in range(z.shape[0]):
        context = contexts[trial]
        if trial >= FIRST_CONTEXT and (context < 0 or token[context] == np.uint64(0)):
            continue
        n = plain
        if trial >= FIRST_CONTEXT:
            said = token[context] * np.uint64(0x9E3779B97F4A7C15)
            for g in range(token.shape[0]):
                if g != context and token[g] != np.uint64(0) and not CLOCK[0] <= g < CLOCK[1]:
                    key = ((np.uint64(salts[g]) << np.uint64(32)) | token[g]) * np.uint64(0xC2B2AE3D27D4EB4F) ^ said
                    slots[n] = np.int64((key ^ (key >> np.uint64(29))) * np.uint64(0x165667B19E3779F9) >> np.uint64(51))
                    n += 1
        logit = start
        for i in range(n):
            if trial == WITH_CLOCK or i >= plain or not CLOCK[0] <= groups[i] < CLOCK[1]:
                at = slots[i]
                weight = -z[trial, at] * RATE / (BETA + root[trial, at])
                logit += weight * (inputs[i] if i < plain else 1.0)
        logit = min(max(logit, -LOGIT_LIMIT), LOGIT_LIMIT)
        loss = math.log1p(math.exp(-logit if label > 0.0 else logit))
        if trial == PLAIN:
            plain_loss = loss
        if judged:
            gain[trial] = DECAY * gain[trial] + plain_loss - loss
        error = 1.0 / (1.0 + math.exp(-logit)) - label
        for i in range(n):
            if trial == WITH_CLOCK or i >= plain or not CLOCK[0] <= groups[i] < CLOCK[1]:
                at = slots[i]
                gradient = error * (inputs[i] if i < plain else 1.0)
                weight = -z[trial, at] * RATE / (BETA + root[trial, at])
                after = math.sqrt(root[trial, at] * root[trial, at] + gradient * gradient)
                z[trial, at] += np.float32(gradient - (after - root[trial, at]) / RATE * weight)
                root[trial, at] = np.float32(after)
