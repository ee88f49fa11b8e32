"""What one account's delivery engine remembers, in Flink's state of its lane."""

from typing import Any

from connectors.crm.delivery.decided import Decided, decided_from_bytes, decided_to_bytes
from connectors.crm.delivery.pending import Pending, pending_from_bytes, pending_to_bytes, shown_from_bytes, shown_to_bytes
from connectors.crm.delivery.rules import Shown
from jobs.operators.lane_state import DecodedCache
from schemas.override import Override


class AccountPushes:
    """A `connectors.crm.delivery.pending.PushStore`: keys begin with the account's name. Only while its lane is the current one.

    Parameters
    ----------
    name
        `crm|tenant`.
    shown, pending, accounts, moved
        Map states of text → bytes.
    limit
        Decoded values kept of `shown`.
    """

    def __init__(self, name: str, shown: Any, pending: Any, accounts: Any, moved: Any, *, limit: int) -> None:
        self._name = name
        self._prefix = f"{name}|"
        self._shown: DecodedCache[Shown | None] = DecodedCache(shown, _decoded, _encoded, limit=limit)
        self._pending = pending
        self._accounts = accounts
        self._moved = moved

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

    def moved_to(self, lead: str) -> str | None:
        """The lead that an id stands for."""
        to = self._moved.get(self._prefix + lead)
        return None if to is None else bytes(to).decode()

    def keep_moved(self, lead: str, to: str) -> None:
        """The id stands for another lead now."""
        self._moved.put(self._prefix + lead, to.encode())

    def drop_moved(self, lead: str) -> None:
        """The id stands for its own lead again."""
        self._moved.remove(self._prefix + lead)

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


class Decisions:
    """The overrides of one lane's tenants, and leads whose latest score is to be offered again, by `tenant|lead`; in Flink's state, and all at hand.

    Only while its lane is the current one, but for `get` and `due_at`. They are as many as people make.
    """

    def __init__(self, state: Any) -> None:
        self._state = state
        self._known = {key: decided_from_bytes(bytes(state.get(key))) for key in list(state.keys())}

    def get(self, key: str) -> Override | None:
        """The lead's decision; None: there is none that could count."""
        known = self._known.get(key)
        return None if known is None else known.override

    def keep(self, key: str, decided: Decided) -> None:
        """Keep it."""
        self._known[key] = decided
        self._state.put(key, decided_to_bytes(decided))

    def drop(self, key: str) -> None:
        """It counts no more."""
        self._known.pop(key, None)
        self._state.remove(key)

    def due(self, now: int) -> dict[str, Decided]:
        """Those to be looked at now."""
        return {key: decided for key, decided in self._known.items() if decided.due_at <= now}

    def next_at(self) -> int | None:
        """When one is to be looked at; None: never."""
        return min((decided.due_at for decided in self._known.values()), default=None)


def _decoded(data: bytes | None) -> Shown | None:
    return None if data is None else shown_from_bytes(data)


def _encoded(shown: Shown | None) -> bytes:
    assert shown is not None
    return shown_to_bytes(shown)
