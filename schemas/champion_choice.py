"""A person's decision which of a tenant's learners is champion."""

from typing import NamedTuple

from schemas.ids import Millis

THE_ONE_BEFORE = ""
"""Instead of a learner's name: whichever was champion before the last change."""


class ChampionChoice(NamedTuple):
    """A decision. Key: tenant; Kafka timestamp: `chosen_at`.

    `choice_id` is its identity: read again, it counts once. `learner` is the one to be champion, THE_ONE_BEFORE takes the last change back.
    `by` says who decided, for the history: a role or a pseudonym.
    """

    tenant: str
    choice_id: str
    learner: str
    by: str
    chosen_at: Millis
