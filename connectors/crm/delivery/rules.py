"""When a score is worth a push."""

from typing import NamedTuple

from schemas.score import LeadScore

FIRST = "first"
GRADE = "grade"
FALL = "fall"
MOVE = "move"
REPAIR = "repair"
PATIENT = (FALL, MOVE)
"""Causes on which nobody acts at once."""


class PushRules(NamedTuple):
    """One tenant's rules for one CRM.

    Parameters
    ----------
    material_move
        Propensity must have moved so far from what the CRM shows, in (0, 1], while the grade stays. Measured from the shown value, so a
        score that swings around a line is not pushed again and again.
    settle_ms
        A change of grade waits so long for what follows, and is withdrawn if the score comes back to what is shown.
    move_settle_ms
        The same for a move within a grade: nobody acts on it at once.
    min_interval_ms
        Between two pushes of one lead.
    clear_fall
        A lower grade is a fall while the propensity has lost less than this of what the CRM shows, in (0, 1]: the lead has cooled a
        little, or stands on a line that it may cross again.
    fall_settle_ms
        How long a fall waits for what follows: most leads that come back do so within minutes.
    """

    material_move: float = 0.15
    settle_ms: int = 2_000
    move_settle_ms: int = 60_000
    min_interval_ms: int = 60_000
    clear_fall: float = 0.08
    fall_settle_ms: int = 600_000


class Shown(NamedTuple):
    """What the CRM shows of a lead, as it last said.

    Parameters
    ----------
    record
        The CRM's id of the record.
    revision
        `contract.revision_of` the score shown; empty: none is.
    at
        When it was acknowledged, in ms.
    """

    record: str
    revision: str
    grade: str
    propensity: float
    at: int


def cause_of(score: LeadScore, shown: Shown | None, rules: PushRules) -> str:
    """Why the score is to be pushed; empty: it is not."""
    if shown is None or not shown.revision:
        return FIRST
    if score.grade != shown.grade:
        # of two grades the better comes first as text: A1 to D3
        is_fall = score.grade > shown.grade and shown.propensity - score.propensity < rules.clear_fall
        return FALL if is_fall else GRADE
    return MOVE if abs(score.propensity - shown.propensity) >= rules.material_move else ""


def settled_ms(cause: str, rules: PushRules) -> int:
    """How long a push of this cause waits for what follows."""
    if cause == FALL:
        return rules.fall_settle_ms
    return rules.move_settle_ms if cause == MOVE else rules.settle_ms
