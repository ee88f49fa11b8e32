"""Webhooks of others, signed: who signs and what the fields mean is said with the key."""

from collections.abc import Mapping

from api.collector.arrival import Arrival, Parsed
from api.collector.keys import WebhookSettings
from api.collector.protocols import mailgun, mapped, sendgrid
from schemas.errors import PoisonRecordError

KINDS = {"sendgrid": sendgrid.parse, "mailgun": mailgun.parse, "hmac": mapped.parse}


def parse(body: bytes, headers: Mapping[str, str], settings: WebhookSettings | None, arrival: Arrival) -> Parsed:
    """A webhook's request.

    Parameters
    ----------
    body
        As sent: signatures are over bytes.
    headers
        Names in small letters.
    settings
        Of the key; None: it is no webhook's.
    arrival
        Whose it is.

    Raises
    ------
    PoisonRecordError
        The signature is not the key's (reason `forged`), its stamp is outside of the window (`replayed`), or the body cannot be read.
    """
    if settings is None:
        raise PoisonRecordError("this key is no webhook's: give it a [keys.webhook] table", reason="forged")
    return KINDS[settings.kind](body, headers, settings, arrival)
