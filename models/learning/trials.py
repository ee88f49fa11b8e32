"""Which additions to the plain features help this tenant: each tried by a small learner of its own, beside a plain one. Compiled."""

import math
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from models.features.registry import CLOCK
from models.learning.encoding import VARIES
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
RATE, ONE = np.float32(0.08), np.float32(BETA)
"""In single precision, as all that the trials know: the processor takes twice as many at a time."""
DECAY = 0.9997
"""Losses fade with a mean life of 3,300 labels, so that a trial may win or lose with the seasons."""
MARGIN = 8.0
"""Nats by which an addition must beat what is in use: the odds of 3,000 to 1 leave room for all that are tried."""
BETTER = 2.0
"""How many times the use of the present context another one must be of: the crosses in use, and what they learned, would be lost."""
TRIALS = FIRST_CONTEXT + CONTEXTS
WAITING = 512
"""Labels that wait until a score is judged that was made when they were known; when there are more, the oldest is taught all the same."""
REMEMBERED = 1 << 14
"""Leads that are known to have taught already; the table forgets by hash."""


class Burst(NamedTuple):
    """Lessons as the trials see them, all read before the first is tried.

    Parameters
    ----------
    slots, inputs
        (lessons, features): where the plain features weigh, and their values; those of the clock come last.
    plain, with_clock
        (lessons,): how many features there are without the clock, and with it.
    tokens
        (lessons, attributes): what each attribute says in one number, 0: nothing; from `encoding.encode`.
    keys, speakers, speaking
        (lessons, attributes), the same, and (lessons,): a hash of what an attribute says, and which one it is, of those that speak and are
        not the clock; how many they are.
    labels, are_judged
        (lessons,): 0 or 1, and whether the trials are judged by the lesson, else taught.
    """

    slots: Array
    inputs: Array
    plain: Array
    with_clock: Array
    tokens: Array
    keys: Array
    speakers: Array
    speaking: Array
    labels: Array
    are_judged: Array


@numba.njit(cache=True)
def burst_for(lessons: int, attributes: int, features: int) -> Burst:
    """Room for so many lessons."""
    return Burst(
        np.empty((lessons, features), np.uint16),
        np.empty((lessons, features), np.float32),
        np.empty(lessons, np.int64),
        np.empty(lessons, np.int64),
        np.empty((lessons, attributes), np.uint64),
        np.empty((lessons, attributes), np.uint64),
        np.empty((lessons, attributes), np.int32),
        np.zeros(lessons, np.int64),
        np.empty(lessons),
        np.empty(lessons, np.bool_),
    )


@numba.njit(cache=True)
def take_lesson(
    burst: Burst, at: int, token: Array, wanted: Array, inputs: Array, groups: Array, plain: int, salts: Array, label: float, is_judged: bool
) -> None:
    """Write a lesson into a burst, at its place.

    Parameters
    ----------
    token, wanted, inputs, groups, plain
        From `encoding.encode` without a context and with the clock: `plain` features.
    salts
        By attribute: the upper half of its ids.
    label, is_judged
        As in `Burst`.
    """
    n = 0
    for of_clock in (False, True):
        for i in range(plain):
            if (CLOCK[0] <= groups[i] < CLOCK[1]) == of_clock:
                burst.slots[at, n], burst.inputs[at, n] = wanted[i] & np.uint64(SLOTS - 1), inputs[i]
                n += 1
        if not of_clock:
            burst.plain[at] = n
    burst.with_clock[at] = n
    n = 0
    for g in range(token.shape[0]):
        burst.tokens[at, g] = token[g]
        if token[g] != np.uint64(0) and not CLOCK[0] <= g < CLOCK[1]:
            burst.keys[at, n] = ((np.uint64(salts[g]) << np.uint64(32)) | token[g]) * np.uint64(0xC2B2AE3D27D4EB4F)
            burst.speakers[at, n] = g
            n += 1
    burst.speaking[at] = n
    burst.labels[at], burst.are_judged[at] = label, is_judged


@numba.njit(cache=True)
def _place_crosses(burst: Burst, at: int, context: int, slots: Array, n: int) -> int:
    # they share weights by hash with the plain features
    said = burst.tokens[at, context] * np.uint64(0x9E3779B97F4A7C15)
    for s in range(burst.speaking[at]):
        if burst.speakers[at, s] != context:
            key = burst.keys[at, s] ^ said
            slots[n] = (key ^ (key >> np.uint64(29))) * np.uint64(0x165667B19E3779F9) >> np.uint64(51)
            n += 1
    return n


@numba.njit(cache=True, error_model="numpy", inline="always")
def _stepped(sums: float, root: float, gradient: float) -> tuple[Any, Any]:
    weight = -sums * RATE / (ONE + root)
    after = math.sqrt(root * root + gradient * gradient)
    return sums + (gradient - (after - root) / RATE * weight), after


@numba.njit(cache=True, error_model="numpy")
def _foretell(knows: Array, slots: Array, inputs: Array, n: int, start: float, sums: Array, roots: Array, votes: Array) -> Any:
    for i in range(n):
        sums[i], roots[i] = knows[slots[i], 0], knows[slots[i], 1]
    for i in range(n):
        votes[i] = -sums[i] * RATE / (ONE + roots[i]) * inputs[i]
    # four sums, as one would wait for itself; always these four, as their order is in the result's last bits
    one, two, three, four, i = np.float32(0.0), np.float32(0.0), np.float32(0.0), np.float32(0.0), 0
    while i + 4 <= n:
        one, two, three, four = one + votes[i], two + votes[i + 1], three + votes[i + 2], four + votes[i + 3]
        i += 4
    while i < n:
        one += votes[i]
        i += 1
    return min(max(start + np.float64((one + two) + (three + four)), -LOGIT_LIMIT), LOGIT_LIMIT)


@numba.njit(cache=True, error_model="numpy")
def _teach(knows: Array, slots: Array, inputs: Array, n: int, error: float, sums: Array, roots: Array, is_met: Array) -> None:
    # all at once; where two features share a slot, the second must see what the first has learned
    for i in range(n):
        sums[i], roots[i] = _stepped(sums[i], roots[i], error * inputs[i])
    for i in range(n):
        slot = slots[i]
        if is_met[slot]:
            sums[i], roots[i] = _stepped(knows[slot, 0], knows[slot, 1], error * inputs[i])
        knows[slot, 0], knows[slot, 1] = sums[i], roots[i]
        is_met[slot] = True
    for i in range(n):
        is_met[slots[i]] = False


@numba.njit(cache=True)
def try_all(tried: Array, gain: Array, contexts: Array, burst: Burst, start: float) -> None:
    """Let every trial foretell each lesson in turn; then it is judged by it, compared with what the plain one foretold, or taught it.

    Judging is fair while the trials were taught nothing that was not known when the score was made, and nothing of the same lead. One
    trial takes all lessons before the next one begins: what it knows, 64 kB, is in the cache from its first lesson on.

    Parameters
    ----------
    tried
        (TRIALS, SLOTS, 2), changed in place: FTRL's two accumulators, as in `regression.learn_label`.
    gain
        By trial, changed in place: by how many nats it foretold better than the plain one, fading.
    contexts
        Attribute of each trial from FIRST_CONTEXT on; UNUSED: none yet.
    start
        The logit before any label.
    """
    lessons, room = burst.labels.shape[0], burst.slots.shape[1] + burst.tokens.shape[1]
    slots, inputs = np.empty(room, np.uint16), np.empty(room, np.float32)
    sums, roots, votes = np.empty(room, np.float32), np.empty(room, np.float32), np.empty(room, np.float32)
    is_met, plain_loss = np.zeros(SLOTS, np.bool_), np.empty(lessons)
    for trial in range(contexts.shape[0]):
        context = contexts[trial] if trial >= FIRST_CONTEXT else np.int64(UNUSED)
        if trial >= FIRST_CONTEXT and context == UNUSED:
            continue
        for at in range(lessons):
            if context != UNUSED and burst.tokens[at, context] == np.uint64(0):
                continue
            n = burst.with_clock[at] if trial == WITH_CLOCK else burst.plain[at]
            for i in range(n):
                slots[i], inputs[i] = burst.slots[at, i], burst.inputs[at, i]
            if context != UNUSED:
                plain = n
                n = _place_crosses(burst, at, context, slots, n)
                inputs[plain:n] = np.float32(1.0)
            label = burst.labels[at]
            logit = _foretell(tried[trial], slots, inputs, n, start, sums, roots, votes)
            if burst.are_judged[at]:
                loss = math.log1p(math.exp(-logit if label > 0.0 else logit))
                if trial == PLAIN:
                    plain_loss[at] = loss
                gain[trial] = DECAY * gain[trial] + plain_loss[at] - loss
            else:
                error = np.float32(1.0 / (1.0 + math.exp(-logit)) - label)
                _teach(tried[trial], slots, inputs, n, error, sums, roots, is_met)


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
