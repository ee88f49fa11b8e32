"""What the person allowed when the event happened: `privacy.consent` and `privacy.gpc`, stamped where it was said."""

from schemas.event import Event

CONSENT, GPC = "privacy.consent", "privacy.gpc"


def add(event: Event, context: dict[str, str]) -> None:
    """Stamp `all`, `some` or `none` of the purposes asked for, and an opt-out of sale and sharing; nothing where nothing was said.

    A stated consent without purposes refuses all (Segment's rule).
    """
    if event.consent or event.is_consent_stated:
        allowed = sum(event.consent.values())
        context[CONSENT] = "none" if not allowed else "all" if allowed == len(event.consent) else "some"
    if event.gpc:
        context[GPC] = "1"
