"""What is said of identifiers, and what follows: ids of leads that are one."""

from typing import NamedTuple

from schemas.ids import Millis

SEEN = "seen"
APART = "apart"
REJOINED = "rejoined"
CLAIM_KINDS = (SEEN, APART, REJOINED)
"""An event named them together; an operator says that they are two people's; or takes that back."""


class IdentityClaim(NamedTuple):
    """What an event or an operator says of identifiers. Key: tenant; Kafka timestamp: `occurred_at`. Identity: (`tenant`, `claim_id`).

    Identifiers are `kind:value` (`models.identity.kinds`), addresses only as keyed hashes. `people` name a person, the strongest first;
    `devices` are what the event came from, `roles` those of `people` that belong to a role, `alias` two users of one person, or none.
    An operator's two are `people`, and `by` says who: a role or a pseudonym. `claim_id` is the event's id, or the command's.
    """

    tenant: str
    claim_id: str
    kind: str
    occurred_at: Millis
    received_at: Millis
    people: list[str]
    devices: list[str] = []  # noqa: RUF012 - a claim is never changed in place
    roles: list[str] = []  # noqa: RUF012
    alias: list[str] = []  # noqa: RUF012
    by: str = ""


class LeadMoved(NamedTuple):
    """An id of a lead stands for another lead now. Key: `tenant|lead`; Kafka timestamp: `occurred_at`, of what proved it.

    `lead` is the id, `before` the lead that it stood for, `to` the one that it stands for now; its own again where the two are equal.
    `number` counts the moves of an id from 1: of two the greater counts. `memory_from` is where what the id did is remembered and has to be
    taken from: itself at its first move, empty where it travels with others. `is_nobody`: many use the id, so its events are nobody's.
    """

    tenant: str
    lead: str
    before: str
    to: str
    number: int
    memory_from: str
    is_nobody: bool
    occurred_at: Millis
    received_at: Millis
