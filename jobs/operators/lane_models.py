"""The tenants' models in broadcast state: the newest snapshot of each, the nightly base and the challengers beside it."""

from collections.abc import Mapping
from typing import Any

import structlog
from pyflink.common import Types
from pyflink.datastream.state import MapStateDescriptor

from models.engine import STALE_AFTER_MS, Shadow, VersionedModel
from models.learning.hazard_model import HazardModel, model_from_bytes
from models.nightly.base import NightlyBase
from models.pool import serves
from schemas.codec import Codec
from schemas.ids import lead_key
from schemas.model_snapshot import LEARNER, NIGHTLY, POOL, ModelSnapshot
from schemas.policy import TenantPolicy


def models_state() -> MapStateDescriptor:
    """Tenant → the newest snapshot of its champion, `tenant|nightly` → its newest base, `tenant|learner` → a challenger's newest snapshot.

    All as they were published; an entry for each tenant and learner. Made where it is needed: a descriptor that has met the JVM cannot be
    shipped.
    """
    return MapStateDescriptor("models", Types.STRING(), Types.PICKLED_BYTE_ARRAY())


class LaneModels:
    """What each tenant's events are scored with, decoded when first asked for. Logs, once a base, when scores go on without it.

    Parameters
    ----------
    codec
        Of the deployment.
    policies
        Tenant → policy: its challengers.
    pool
        What scores a tenant of which no label was learned; None: its prior.
    """

    def __init__(self, codec: Codec, policies: Mapping[str, TenantPolicy], pool: HazardModel | None = None) -> None:
        self._codec = codec
        self._policies = policies
        self._pool = pool
        self._state = models_state()
        self._models: dict[str, VersionedModel | None] = {}
        self._told: dict[str, int] = {}

    def of(self, tenant: str, ctx: Any) -> VersionedModel | None:
        """The tenant's model with its base and its challengers; the pool while no label was learned; None: there is no pool."""
        if tenant not in self._models:
            self._models[tenant] = self._restored(tenant, ctx)
        return self._models[tenant]

    def take(self, value: bytes, ctx: Any) -> None:
        """Score with this snapshot from now on.

        Of one learner, and of bases, a newer version takes the place of an older one and not the other way. Another champion takes the
        place of the one before whatever its version: what stands last on the topic is what was decided last.

        Raises
        ------
        PoisonRecordError
            No snapshot, or one that this release cannot score with: the one before goes on.
        """
        snapshot = self._codec.decode_as(ModelSnapshot, value)
        if snapshot.learner == NIGHTLY:
            self._take_base(snapshot, value, ctx)
        elif snapshot.is_champion:
            self._take_champion(snapshot, value, ctx)
        else:
            self._take_shadow(snapshot, value, ctx)

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

    def _take_base(self, snapshot: ModelSnapshot, value: bytes, ctx: Any) -> None:
        base = NightlyBase.from_bytes(snapshot.payload)
        stored = self._stored(lead_key(snapshot.tenant, NIGHTLY), ctx)
        if stored is None or stored.version < snapshot.version:
            current = self.of(snapshot.tenant, ctx)
            self._put(lead_key(snapshot.tenant, NIGHTLY), value, ctx)
            self._models[snapshot.tenant] = None if current is None else current._replace(base=base)

    def _take_champion(self, snapshot: ModelSnapshot, value: bytes, ctx: Any) -> None:
        model = model_from_bytes(snapshot.payload)
        current = self.of(snapshot.tenant, ctx)
        if current is not None and current.learner == snapshot.learner:
            if current.version < snapshot.version:
                self._put(snapshot.tenant, value, ctx)
                self._models[snapshot.tenant] = current._replace(version=snapshot.version, model=model)
            return
        before = ctx.get_broadcast_state(self._state).get(snapshot.tenant)
        if current is not None and before is not None:
            self._put(lead_key(snapshot.tenant, current.learner), bytes(before), ctx)
        self._put(snapshot.tenant, value, ctx)
        del self._models[snapshot.tenant]  # made anew: a base may have come before the first model, and challengers are others now

    def _take_shadow(self, snapshot: ModelSnapshot, value: bytes, ctx: Any) -> None:
        model_from_bytes(snapshot.payload)
        stored = self._stored(lead_key(snapshot.tenant, snapshot.learner), ctx)
        if stored is None or stored.version < snapshot.version:
            self._put(lead_key(snapshot.tenant, snapshot.learner), value, ctx)
            self._models.pop(snapshot.tenant, None)

    def _restored(self, tenant: str, ctx: Any) -> VersionedModel | None:
        champion = self._stored(tenant, ctx)
        if champion is None:
            pool = self._pool
            return VersionedModel(pool.evidence, pool, learner=POOL) if pool is not None and serves(pool, self._policy(tenant)) else None
        base = self._stored(lead_key(tenant, NIGHTLY), ctx)
        model = model_from_bytes(champion.payload)
        challengers = self._policy(tenant).challengers
        shadows = [self._stored(lead_key(tenant, name), ctx) for name in (LEARNER, *challengers) if name != champion.learner]
        read = [Shadow(one.learner, one.version, model_from_bytes(one.payload)) for one in shadows if one is not None]
        return VersionedModel(
            champion.version,
            model,
            None if base is None else NightlyBase.from_bytes(base.payload),
            champion.learner,
            # after a change of the window learners part ways: predictions of other intervals cannot be compared
            tuple(shadow for shadow in read if shadow.model.intervals == model.intervals),
        )

    def _policy(self, tenant: str) -> TenantPolicy:
        return self._policies.get(tenant, TenantPolicy())

    def _stored(self, key: str, ctx: Any) -> ModelSnapshot | None:
        # a tenant holds no separator, so no tenant is called like another's learner
        stored = ctx.get_broadcast_state(self._state).get(key)
        return None if stored is None else self._codec.decode_as(ModelSnapshot, bytes(stored))

    def _put(self, key: str, value: bytes, ctx: Any) -> None:
        ctx.get_broadcast_state(self._state).put(key, value)
