"""What one account's delivery engine remembers, in Flink's state of its lane."""

from typing import Any

from connectors.crm.delivery.pending import Pending, pending_from_bytes, pending_to_bytes, shown_from_bytes, shown_to_bytes
from connectors.crm.delivery.rules import Shown
from jobs.operators.lane_state import DecodedCache


class AccountPushes:
    """A `connectors.crm.delivery.pending.PushStore`: keys begin with the account's name. Only while its lane is the current one.

    Parameters
    ----------
    name
        `crm|tenant`.
    shown, pending, accounts
        Map states of text → bytes.
    limit
        Decoded values kept of `shown`.
    """

    def __init__(self, name: str, shown: Any, pending: Any, accounts: Any, *, limit: int) -> None:
        self._name = name
        self._prefix = f"{name}|"
        self._shown: DecodedCache[Shown | None] = DecodedCache(shown, _decoded, _encoded, limit=limit)
        self._pending = pending
        self._accounts = accounts

    def shown(self, lead: str) -> Shown | None:
        """What the CRM shows of the lead; None: nothing is known."""
        return self._shown.load(self._prefix + lead)

    def show(self, lead: str, shown: Shown) -> None:
        """Keep it."""
        self._shown.save(self._prefix + lead, shown)

    def forget(self, lead: str) -> None:
        """The CRM has no record of the lead any more."""
        self._shown.forget(self._prefix + lead)

    def keep(self, lead: str, pending: Pending) -> None:
        """Keep a push that has not ended."""
        self._pending.put(self._prefix + lead, pending_to_bytes(pending))

    def drop(self, lead: str) -> None:
        """The push has ended."""
        self._pending.remove(self._prefix + lead)

    def pending(self) -> dict[str, Pending]:
        """Every push that has not ended."""
        names = [key for key in list(self._pending.keys()) if key.startswith(self._prefix)]
        return {key.removeprefix(self._prefix): pending_from_bytes(bytes(self._pending.get(key))) for key in names}

    def account(self) -> bytes | None:
        """What is kept of the account; None at its very first start."""
        data = self._accounts.get(self._name)
        return None if data is None else bytes(data)

    def keep_account(self, data: bytes) -> None:
        """Keep it."""
        self._accounts.put(self._name, data)


def _decoded(data: bytes | None) -> Shown | None:
    return None if data is None else shown_from_bytes(data)


def _encoded(shown: Shown | None) -> bytes:
    assert shown is not None
    return shown_to_bytes(shown)
