"""The tenants' models in broadcast state: the newest snapshot of each, and the nightly base beside it."""

from typing import Any

import structlog
from pyflink.common import Types
from pyflink.datastream.state import MapStateDescriptor

from models.engine import STALE_AFTER_MS, VersionedModel
from models.learning.hazard_model import model_from_bytes
from models.nightly.base import NightlyBase
from schemas.codec import Codec
from schemas.ids import lead_key
from schemas.model_snapshot import NIGHTLY, ModelSnapshot


def models_state() -> MapStateDescriptor:
    """Tenant → its newest snapshot, `tenant|nightly` → its newest base, as they were published: two entries a tenant.

    Made where it is needed: a descriptor that has met the JVM cannot be shipped.
    """
    return MapStateDescriptor("models", Types.STRING(), Types.PICKLED_BYTE_ARRAY())


class LaneModels:
    """What each tenant's events are scored with, decoded when first asked for. Logs, once a base, when scores go on without it.

    Parameters
    ----------
    codec
        Of the deployment.
    """

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._state = models_state()
        self._models: dict[str, VersionedModel | None] = {}
        self._told: dict[str, int] = {}

    def of(self, tenant: str, ctx: Any) -> VersionedModel | None:
        """The tenant's model with its base; None: no label was ever learned."""
        if tenant not in self._models:
            state = ctx.get_broadcast_state(self._state)
            stored, base = state.get(tenant), state.get(_base_key(tenant))
            self._models[tenant] = None
            if stored is not None:
                snapshot = self._codec.decode_as(ModelSnapshot, bytes(stored))
                nightly = None if base is None else _base(self._codec.decode_as(ModelSnapshot, bytes(base)))
                self._models[tenant] = VersionedModel(snapshot.version, model_from_bytes(snapshot.payload), nightly, snapshot.learner)
        return self._models[tenant]

    def take(self, value: bytes, ctx: Any) -> None:
        """Score with this snapshot from now on, if it is newer than the tenant's.

        Raises
        ------
        PoisonRecordError
            No snapshot, or one that this release cannot score with: the one before goes on.
        """
        snapshot = self._codec.decode_as(ModelSnapshot, value)
        current = self.of(snapshot.tenant, ctx)
        if snapshot.learner == NIGHTLY:
            base = _base(snapshot)
            if self._stored_base(snapshot.tenant, ctx) < base.trained_at:
                ctx.get_broadcast_state(self._state).put(_base_key(snapshot.tenant), value)
                self._models[snapshot.tenant] = None if current is None else current._replace(base=base)
            return
        model = model_from_bytes(snapshot.payload)
        if current is None:
            ctx.get_broadcast_state(self._state).put(snapshot.tenant, value)
            del self._models[snapshot.tenant]  # a base may have come before the first model
        elif current.version < snapshot.version:
            ctx.get_broadcast_state(self._state).put(snapshot.tenant, value)
            self._models[snapshot.tenant] = VersionedModel(snapshot.version, model, current.base, snapshot.learner)

    def tell_stale(self, tenant: str, clock: int) -> None:
        """Log, once a base, that event time has left it behind: somebody is to see why no newer one comes."""
        versioned = self._models.get(tenant)
        base = versioned.base if versioned is not None else None
        if base is not None and clock - base.trained_at > STALE_AFTER_MS and self._told.get(tenant) != base.trained_at:
            self._told[tenant] = base.trained_at
            structlog.get_logger().warning(
                "base.expired",
                job="score_leads",
                tenant_id=tenant,
                model_version=base.trained_at,
                reason="scores go on without the nightly base: `python -m infra train-base` makes a new one",
            )

    def _stored_base(self, tenant: str, ctx: Any) -> int:
        stored = ctx.get_broadcast_state(self._state).get(_base_key(tenant))
        return -1 if stored is None else self._codec.decode_as(ModelSnapshot, bytes(stored)).version


def _base(snapshot: ModelSnapshot) -> NightlyBase:
    return NightlyBase.from_bytes(snapshot.payload)


def _base_key(tenant: str) -> str:
    # a tenant holds no separator, so no tenant is called so
    return lead_key(tenant, NIGHTLY)
