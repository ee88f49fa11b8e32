"""Which additions to the plain features help this tenant: each tried by a small learner of its own, beside a plain one. Compiled."""

import math
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from models.features.registry import CLOCK
from models.learning.encoding import VARIES, encode, read_vector, room_for
from models.learning.regression import BETA, LOGIT_LIMIT

Array = npt.NDArray[Any]

PLAIN, WITH_CLOCK, FIRST_CONTEXT = 0, 1, 2
UNUSED, NO_CONTEXT = -1, -2
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
BETTER = 2.0
"""How many times the use of the present context another one must be of: the crosses in use, and what they learned, would be lost."""
WAITING = 512
"""Labels that wait until a score is judged that was made when they were known; when there are more, the oldest is taught all the same."""
REMEMBERED = 1 << 14
"""Leads that are known to have taught already; the table forgets by hash."""


@numba.njit(cache=True)
def _place_plain(wanted: Array, plain: int, slots: Array) -> None:
    mask = np.uint64(SLOTS - 1)
    for i in range(plain):
        slots[i] = np.int64(wanted[i] & mask)


@numba.njit(cache=True)
def _place_crosses(context: int, token: Array, plain: int, salts: Array, slots: Array) -> int:
    # behind the weights of the plain features, which all trials have in common; -1: this one has nothing to say
    if context == UNUSED or (context >= 0 and token[context] == np.uint64(0)):
        return -1
    n = plain
    if context >= 0:
        said = token[context] * np.uint64(0x9E3779B97F4A7C15)
        for g in range(token.shape[0]):
            if g != context and token[g] != np.uint64(0) and not CLOCK[0] <= g < CLOCK[1]:
                key = ((np.uint64(salts[g]) << np.uint64(32)) | token[g]) * np.uint64(0xC2B2AE3D27D4EB4F) ^ said
                slots[n] = np.int64((key ^ (key >> np.uint64(29))) * np.uint64(0x165667B19E3779F9) >> np.uint64(51))
                n += 1
    return n


@numba.njit(cache=True)
def _foretold(z: Array, root: Array, trial: int, slots: Array, inputs: Array, groups: Array, plain: int, n: int, start: float) -> float:
    logit = start
    for i in range(n):
        if trial == WITH_CLOCK or i >= plain or not CLOCK[0] <= groups[i] < CLOCK[1]:
            at = slots[i]
            weight = -z[trial, at] * RATE / (BETA + root[trial, at])
            logit += weight * (inputs[i] if i < plain else 1.0)
    return min(max(logit, -LOGIT_LIMIT), LOGIT_LIMIT)


@numba.njit(cache=True)
def judge_all(
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
    slots: Array,
) -> None:
    """Compare what every trial foretells with what the plain one does.

    That is fair while they were taught nothing that was not known when the score was made, and nothing of the same lead.

    Parameters
    ----------
    z, root
        (trials, SLOTS): FTRL's accumulators, as in `regression.learn_label`.
    gain
        By trial, changed in place: by how many nats it foretold better than the plain one, fading.
    contexts
        Attribute of each trial from FIRST_CONTEXT on; UNUSED: none yet.
    token, wanted, inputs, groups, plain
        From `encoding.encode` without a context and with the clock: `plain` features.
    salts
        By attribute: the upper half of its ids.
    slots
        Scratch, for all features and crosses.
    """
    _place_plain(wanted, plain, slots)
    plain_loss = 0.0
    for trial in range(z.shape[0]):
        n = _place_crosses(contexts[trial] if trial >= FIRST_CONTEXT else NO_CONTEXT, token, plain, salts, slots)
        if n >= 0:
            logit = _foretold(z, root, trial, slots, inputs, groups, plain, n, start)
            loss = math.log1p(math.exp(-logit if label > 0.0 else logit))
            if trial == PLAIN:
                plain_loss = loss
            gain[trial] = DECAY * gain[trial] + plain_loss - loss


@numba.njit(cache=True)
def teach_all(
    z: Array,
    root: Array,
    contexts: Array,
    token: Array,
    wanted: Array,
    inputs: Array,
    groups: Array,
    plain: int,
    salts: Array,
    label: float,
    start: float,
    slots: Array,
) -> None:
    """Teach every trial one label; the parameters are those of `judge_all`, and `z` and `root` are changed in place."""
    _place_plain(wanted, plain, slots)
    for trial in range(z.shape[0]):
        n = _place_crosses(contexts[trial] if trial >= FIRST_CONTEXT else NO_CONTEXT, token, plain, salts, slots)
        if n < 0:
            continue
        error = 1.0 / (1.0 + math.exp(-_foretold(z, root, trial, slots, inputs, groups, plain, n, start))) - label
        for i in range(n):
            if trial == WITH_CLOCK or i >= plain or not CLOCK[0] <= groups[i] < CLOCK[1]:
                at = slots[i]
                gradient = error * (inputs[i] if i < plain else 1.0)
                weight = -z[trial, at] * RATE / (BETA + root[trial, at])
                after = math.sqrt(root[trial, at] * root[trial, at] + gradient * gradient)
                z[trial, at] += np.float32(gradient - (after - root[trial, at]) / RATE * weight)
                root[trial, at] = np.float32(after)


@numba.njit(cache=True)
def try_label(
    said: Array,
    number: Array,
    token: Array,
    attributes: Array,
    flags: Array,
    mean: Array,
    scale: Array,
    edge_count: Array,
    edges: Array,
    z: Array,
    root: Array,
    gain: Array,
    contexts: Array,
    label: float,
    start: float,
    is_judged: bool,
) -> None:
    """Judge all trials by the label of a vector already read, or teach them.

    Parameters
    ----------
    said, number, token
        From `encoding.read_vector`; `token` is changed as by `encoding.encode`.
    attributes, flags, mean, scale, edge_count, edges
        By attribute, as in `encoding.encode`.
    z, root, gain, contexts, label, start
        As in `judge_all`.
    is_judged
        Whether they are judged; else they are taught.
    """
    room = room_for(attributes.shape[0])
    columns, groups, inputs, wanted = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room), np.empty(room, np.uint64)
    # trials know features by their keys alone
    keys, places = np.zeros(1, np.uint64), np.zeros(1, np.int32)
    plain, _ = encode(said, number, token, attributes, flags, mean, scale, edge_count, edges, -1, True, keys, places, columns, inputs, groups, wanted)
    slots = np.empty(room + attributes.shape[0], np.int64)
    if is_judged:
        judge_all(z, root, gain, contexts, token, wanted, inputs, groups, plain, attributes, label, start, slots)
    else:
        teach_all(z, root, contexts, token, wanted, inputs, groups, plain, attributes, label, start, slots)


@numba.njit(cache=True)
def teach_vector(
    dense: Array,
    ids: Array,
    values: Array,
    attribute_keys: Array,
    attribute_places: Array,
    attributes: Array,
    flags: Array,
    mean: Array,
    scale: Array,
    edge_count: Array,
    edges: Array,
    z: Array,
    root: Array,
    gain: Array,
    contexts: Array,
    label: float,
    start: float,
) -> None:
    """Teach all trials the label of a vector, which is read as `encoding.read_vector` reads it; the rest as in `try_label`."""
    count = attributes.shape[0]
    said, number, token, place = np.empty(count, np.uint8), np.empty(count), np.empty(count, np.uint64), np.empty(count, np.int64)
    read_vector(dense, ids, values, 0, ids.shape[0], attribute_keys, attribute_places, said, number, token, place)
    try_label(said, number, token, attributes, flags, mean, scale, edge_count, edges, z, root, gain, contexts, label, start, False)


@numba.njit(cache=True)
def choose(gain: Array, contexts: Array, flags: Array, values: Array, context: int, with_clock: bool) -> tuple[int, bool]:
    """Use the additions that were shown to help; drop those that were shown to harm.

    Parameters
    ----------
    gain
        By trial, as `judge_all` left it.
    contexts
        Attribute of each trial from FIRST_CONTEXT on, changed in place: attributes that may be one take what trials are unused.
    flags, values
        By attribute: from `observing.observe`, and how many of its values have a weight.
    context, with_clock
        What is in use.

    Returns
    -------
    The attribute to cross with, -1: none; and whether the clock is to count.
    """
    for g in range(flags.shape[0]):
        if flags[g] & VARIES and 2 <= values[g] <= CONTEXT_VALUES:
            free = -1
            for trial in range(contexts.shape[0] - 1, FIRST_CONTEXT - 1, -1):
                if contexts[trial] == g:
                    free = -1
                    break
                if contexts[trial] < 0:
                    free = trial
            if free >= 0:
                contexts[free] = g
    used, best = 0.0, FIRST_CONTEXT
    for trial in range(FIRST_CONTEXT, contexts.shape[0]):
        if context >= 0 and contexts[trial] == context:
            used = gain[trial]
        if gain[trial] > gain[best]:
            best = trial
    if gain[best] > BETTER * max(used, 0.0) + MARGIN:
        context = contexts[best]
    elif used < -MARGIN:
        context = -1
    return context, gain[WITH_CLOCK] > (-MARGIN if with_clock else MARGIN)
