"""Which additions to the plain features help this tenant: each tried by a small learner of its own, beside a plain one. Compiled."""

import math
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from models.features.registry import CLOCK
from models.learning.encoding import VARIES, encode, room_for
from models.learning.prefetching import prefetch, prefetch_all
from models.learning.regression import BETA, LOGIT_LIMIT

Array = npt.NDArray[Any]

PLAIN, WITH_CLOCK, FIRST_CONTEXT = 0, 1, 2
UNUSED = -1
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
SIDE_BY_SIDE = FIRST_CONTEXT + CONTEXTS + 2
"""Trials as they lie in memory: rounded up to what the processor takes at a time, which leaves nothing over to be done one by one."""
WAITING = 512
"""Labels that wait until a score is judged that was made when they were known; when there are more, the oldest is taught all the same."""
REMEMBERED = 1 << 14
"""Leads that are known to have taught already; the table forgets by hash."""


@numba.njit(cache=True)
def _ask_for(tried: Array, wanted: Array, plain: int) -> None:
    # it is on its way while the crosses are placed: hardly any of the trials' 2 MB is in the cache
    mask = np.uint64(SLOTS - 1)
    for i in range(plain):
        prefetch_all(tried, np.int64(wanted[i] & mask) * 2 * SIDE_BY_SIDE, 2 * SIDE_BY_SIDE)


@numba.njit(cache=True)
def _place(tried: Array, contexts: Array, token: Array, salts: Array, slots: Array, ends: Array, speaks: Array) -> None:
    # where each trial's crosses weigh, one trial's after the other's: they share weights by hash with the plain features
    keys, speakers, speaking = np.empty(token.shape[0], np.uint64), np.empty(token.shape[0], np.int64), 0
    for g in range(token.shape[0]):
        if token[g] != np.uint64(0) and not CLOCK[0] <= g < CLOCK[1]:
            keys[speaking] = ((np.uint64(salts[g]) << np.uint64(32)) | token[g]) * np.uint64(0xC2B2AE3D27D4EB4F)
            speakers[speaking] = g
            speaking += 1
    n = 0
    for trial in range(SIDE_BY_SIDE):
        context = contexts[trial] if FIRST_CONTEXT <= trial < contexts.shape[0] else np.int64(UNUSED)
        speaks[trial] = trial < FIRST_CONTEXT or (context != UNUSED and token[context] != np.uint64(0))
        if speaks[trial] and trial >= FIRST_CONTEXT:
            said = token[context] * np.uint64(0x9E3779B97F4A7C15)
            for s in range(speaking):
                if speakers[s] != context:
                    key = keys[s] ^ said
                    slots[n] = np.int64((key ^ (key >> np.uint64(29))) * np.uint64(0x165667B19E3779F9) >> np.uint64(51))
                    prefetch(tried, (slots[n] * SIDE_BY_SIDE + trial) * 2)
                    n += 1
        ends[trial] = n


@numba.njit(cache=True, error_model="numpy")
def _foretell(
    tried: Array, wanted: Array, inputs: Array, groups: Array, plain: int, slots: Array, ends: Array, start: float, weight: Array, logits: Array
) -> None:
    mask = np.uint64(SLOTS - 1)
    logits[:] = start
    for i in range(plain):
        of, by = tried[np.int64(wanted[i] & mask)], inputs[i]
        if CLOCK[0] <= groups[i] < CLOCK[1]:
            logits[WITH_CLOCK] += -of[WITH_CLOCK, 0] * RATE / (BETA + of[WITH_CLOCK, 1]) * by
        else:
            for trial in range(SIDE_BY_SIDE):
                logits[trial] += -of[trial, 0] * RATE / (BETA + of[trial, 1]) * by
    sums, roots = np.empty(ends[-1], np.float32), np.empty(ends[-1], np.float32)
    _gather(tried, slots, ends, sums, roots)
    for i in range(sums.shape[0]):
        weight[i] = -sums[i] * RATE / (BETA + roots[i])
    for trial in range(FIRST_CONTEXT, SIDE_BY_SIDE):
        for i in range(ends[trial - 1], ends[trial]):
            logits[trial] += weight[i]
    for trial in range(SIDE_BY_SIDE):
        logits[trial] = min(max(logits[trial], -LOGIT_LIMIT), LOGIT_LIMIT)


@numba.njit(cache=True)
def _gather(tried: Array, slots: Array, ends: Array, sums: Array, roots: Array) -> None:
    for trial in range(FIRST_CONTEXT, SIDE_BY_SIDE):
        for i in range(ends[trial - 1], ends[trial]):
            sums[i], roots[i] = tried[slots[i], trial, 0], tried[slots[i], trial, 1]


@numba.njit(cache=True, error_model="numpy", inline="always")
def _stepped(sums: float, root: float, gradient: float) -> tuple[Any, Any]:
    weight = -sums * RATE / (BETA + root)
    after = math.sqrt(root * root + gradient * gradient)
    return sums + np.float32(gradient - (after - root) / RATE * weight), np.float32(after)


@numba.njit(cache=True, error_model="numpy")
def _teach_plain(tried: Array, wanted: Array, inputs: Array, groups: Array, plain: int, errors: Array, speaks: Array) -> None:
    # one feature after the other, as two may share a slot; all trials of a feature lie side by side
    mask = np.uint64(SLOTS - 1)
    for i in range(plain):
        of, by = tried[np.int64(wanted[i] & mask)], inputs[i]
        if CLOCK[0] <= groups[i] < CLOCK[1]:
            of[WITH_CLOCK, 0], of[WITH_CLOCK, 1] = _stepped(of[WITH_CLOCK, 0], of[WITH_CLOCK, 1], errors[WITH_CLOCK] * by)
        else:
            for trial in range(SIDE_BY_SIDE):
                sums, root = of[trial, 0], of[trial, 1]
                sums_after, root_after = _stepped(sums, root, errors[trial] * by)
                of[trial, 0] = sums_after if speaks[trial] else sums
                of[trial, 1] = root_after if speaks[trial] else root


@numba.njit(cache=True, error_model="numpy")
def _teach_crosses(tried: Array, slots: Array, ends: Array, errors: Array) -> None:
    # all at once; where two of a trial share a slot, the second must see what the first has learned
    sums, roots, gradients = np.empty(ends[-1], np.float32), np.empty(ends[-1], np.float32), np.empty(ends[-1])
    _gather(tried, slots, ends, sums, roots)
    for trial in range(FIRST_CONTEXT, SIDE_BY_SIDE):
        gradients[ends[trial - 1] : ends[trial]] = errors[trial]
    for i in range(sums.shape[0]):
        sums[i], roots[i] = _stepped(sums[i], roots[i], gradients[i])
    last = np.zeros(SLOTS, np.uint8)
    for trial in range(FIRST_CONTEXT, SIDE_BY_SIDE):
        for i in range(ends[trial - 1], ends[trial]):
            of = tried[slots[i], trial]
            if last[slots[i]] == trial:
                of[0], of[1] = _stepped(of[0], of[1], errors[trial])
            else:
                of[0], of[1] = sums[i], roots[i]
            last[slots[i]] = trial


@numba.njit(cache=True)
def judge_all(
    tried: Array,
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
) -> None:
    """Compare what every trial foretells with what the plain one does.

    That is fair while they were taught nothing that was not known when the score was made, and nothing of the same lead.

    Parameters
    ----------
    tried
        (SLOTS, SIDE_BY_SIDE, 2): FTRL's two accumulators, as in `regression.learn_label`. What the trials know of a plain feature lies side
        by side, so that the processor takes several of them at a time.
    gain
        By trial, changed in place: by how many nats it foretold better than the plain one, fading.
    contexts
        Attribute of each trial from FIRST_CONTEXT on; UNUSED: none yet.
    token, wanted, inputs, groups, plain
        From `encoding.encode` without a context and with the clock: `plain` features.
    salts
        By attribute: the upper half of its ids.
    """
    room = contexts.shape[0] * token.shape[0]
    slots, ends, speaks = np.empty(room, np.int64), np.empty(SIDE_BY_SIDE, np.int64), np.empty(SIDE_BY_SIDE, np.bool_)
    weight, logits = np.empty(room), np.empty(SIDE_BY_SIDE)
    _ask_for(tried, wanted, plain)
    _place(tried, contexts, token, salts, slots, ends, speaks)
    _foretell(tried, wanted, inputs, groups, plain, slots, ends, start, weight, logits)
    plain_loss = 0.0
    for trial in range(contexts.shape[0]):
        if speaks[trial]:
            loss = math.log1p(math.exp(-logits[trial] if label > 0.0 else logits[trial]))
            if trial == PLAIN:
                plain_loss = loss
            gain[trial] = DECAY * gain[trial] + plain_loss - loss


@numba.njit(cache=True)
def teach_all(
    tried: Array,
    contexts: Array,
    token: Array,
    wanted: Array,
    inputs: Array,
    groups: Array,
    plain: int,
    salts: Array,
    label: float,
    start: float,
) -> None:
    """Teach every trial one label; the parameters are those of `judge_all`, and `tried` is changed in place."""
    room = contexts.shape[0] * token.shape[0]
    slots, ends, speaks = np.empty(room, np.int64), np.empty(SIDE_BY_SIDE, np.int64), np.empty(SIDE_BY_SIDE, np.bool_)
    weight, errors = np.empty(room), np.empty(SIDE_BY_SIDE)
    _ask_for(tried, wanted, plain)
    _place(tried, contexts, token, salts, slots, ends, speaks)
    _foretell(tried, wanted, inputs, groups, plain, slots, ends, start, weight, errors)
    for trial in range(SIDE_BY_SIDE):
        errors[trial] = 1.0 / (1.0 + math.exp(-errors[trial])) - label
    _teach_plain(tried, wanted, inputs, groups, plain, errors, speaks)
    _teach_crosses(tried, slots, ends, errors)


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
    tried: Array,
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
    tried, gain, contexts, label, start
        As in `judge_all`.
    is_judged
        Whether they are judged; else they are taught.
    """
    room = room_for(attributes.shape[0])
    columns, groups, inputs, wanted = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room), np.empty(room, np.uint64)
    # trials know features by their keys alone
    keys, places = np.zeros(1, np.uint64), np.zeros(1, np.int32)
    plain, _ = encode(said, number, token, attributes, flags, mean, scale, edge_count, edges, -1, True, keys, places, columns, inputs, groups, wanted)
    if is_judged:
        judge_all(tried, gain, contexts, token, wanted, inputs, groups, plain, attributes, label, start)
    else:
        teach_all(tried, contexts, token, wanted, inputs, groups, plain, attributes, label, start)


@numba.njit(cache=True)
def is_new(taught: Array, lead: int) -> bool:
    """Whether a lead, by a hash of 32 bits, has taught nothing yet, as far as is remembered in (REMEMBERED,); from now on it has."""
    hashed = np.uint32(lead if lead > 0 else 1)
    at = hashed % np.uint32(REMEMBERED)
    was = taught[at]
    taught[at] = hashed
    return bool(was != hashed)


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
