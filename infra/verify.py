"""Every score on the topic, computed again from the lead's events and the model it names, bit for bit."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.console import Console
from rich.table import Table

from connectors.kafka.config import KafkaConfig
from connectors.kafka.consumer import read_records
from connectors.kafka.registry import Registry
from infra.settings import Settings
from models.learning.hazard_model import model_from_bytes
from models.nightly.base import NightlyBase
from models.recompute import Recomputed, propensities
from schemas.codec import Codec
from schemas.enriched import EnrichedEvent
from schemas.ids import lead_key
from schemas.model_snapshot import NIGHTLY, POOL, ModelSnapshot
from schemas.policy import TenantPolicy
from schemas.score import LeadScore
from schemas.topics import Topic

Scores = dict[tuple[str, str], list[LeadScore]]
"""By lead key and event id: more than one when the event was scored again after a failure."""


class Named(NamedTuple):
    """What a score names: a learner, or the nightly base, and its version; version 0 is none."""

    learner: str
    version: int


class Verdict(NamedTuple):
    """What was found. All but `scores` and `repeated` are to be 0.

    `torn_versions`: versions of a tenant that were published with more than one model.

    `other_features`: the vector rebuilt from the lead's events has another digest. `other_propensity`: the named model gives other bits.
    `other_sequence`: the event has another place in its lead's history. `without_event`, `without_model`: what the score names is not there.
    `other_handovers`: memories that one lead gave to another, as they proved to be one, that are not what the giver's events give.
    `leads_with_gaps`: leads whose sequences are not 1, 2, 3 … without a gap.
    """

    scores: int
    repeated: int
    other_features: int
    other_propensity: int
    other_sequence: int
    without_event: int
    without_model: int
    leads_with_gaps: int
    torn_versions: int
    other_handovers: int

    @property
    def is_sound(self) -> bool:
        """Whether every score is what its events and its model give."""
        return not any(self[2:])


def verify(config: KafkaConfig, codec: Codec, policies: Mapping[str, TenantPolicy], *, pool: bytes | None = None) -> Verdict:
    """Compute every score on the topic again; `pool` is the model that tenants without labels begin with, if there is one.

    Raises
    ------
    RetriableError
        Kafka or the registry is away.
    """
    scores: Scores = {}
    total = 0
    for record in read_records(config, Topic.SCORES_PUBLISHED):
        published = codec.decode_as(LeadScore, record.value)
        scores.setdefault((lead_key(published.tenant, published.lead), published.event_id), []).append(published)
        total += 1
    repeated = total - len(scores)
    models = _models(config, codec)
    sequences: dict[str, list[int]] = {}
    by_model: dict[tuple[str, Named, Named], list[tuple[bytes, float]]] = {}
    features_differ = sequence_differs = 0
    recomputed = Recomputed(policies)
    for basis in recomputed.bases(_events(config, codec, sequences)):
        for published in scores.pop((basis.key, basis.event_id), ()):
            features_differ += published.feature_digest != basis.digest
            sequence_differs += published.sequence != basis.sequence
            named = Named(published.learner, published.model_version), Named(NIGHTLY, published.base_version)
            by_model.setdefault((published.tenant, *named), []).append((basis.features, published.propensity))
    propensity_differs = without_model = 0
    for (tenant, learned, nightly), rows in by_model.items():
        payloads, bases_of = models.get((tenant, learned)), models.get((tenant, nightly))
        if learned.learner == POOL and pool is not None and model_from_bytes(pool).evidence == learned.version:
            payloads = {pool}
        if (learned.version and not payloads) or (nightly.version and not bases_of):
            without_model += len(rows)
            continue
        # of a torn version any model is as wrong as the other
        model = model_from_bytes(min(payloads)) if payloads else None
        base = NightlyBase.from_bytes(min(bases_of)) if bases_of else None
        answers = propensities([features for features, _ in rows], model, policies.get(tenant, TenantPolicy()), base=base)
        propensity_differs += sum(published != answer for (_, published), answer in zip(rows, answers, strict=True))
    return Verdict(
        scores=total,
        repeated=repeated,
        other_features=features_differ,
        other_propensity=propensity_differs,
        other_sequence=sequence_differs,
        without_event=sum(len(left) for left in scores.values()),
        without_model=without_model,
        leads_with_gaps=sum(sorted(set(taken)) != list(range(1, len(set(taken)) + 1)) for taken in sequences.values()),
        torn_versions=sum(len(payloads) > 1 for payloads in models.values()),
        other_handovers=recomputed.other_handovers,
    )


def _events(config: KafkaConfig, codec: Codec, sequences: dict[str, list[int]]) -> Iterator[EnrichedEvent]:
    for record in read_records(config, Topic.EVENTS_ENRICHED):
        event = codec.decode_as(EnrichedEvent, record.value)
        sequences.setdefault(lead_key(event.tenant, event.lead), []).append(event.sequence)
        yield event


def _models(config: KafkaConfig, codec: Codec) -> dict[tuple[str, Named], set[bytes]]:
    """Tenant and what a score names → its payloads: one, however often it was published (models.student, infra.train_base)."""
    models: dict[tuple[str, Named], set[bytes]] = {}
    for record in read_records(config, Topic.MODELS_PUBLISHED):
        snapshot = codec.decode_as(ModelSnapshot, record.value)
        models.setdefault((snapshot.tenant, Named(snapshot.learner, snapshot.version)), set()).add(snapshot.payload)
    return models


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(name="verify")(_verify)


def _verify(*, json_file: Annotated[Path | None, typer.Option("--json", help="write the counts to this file too", dir_okay=False)] = None) -> None:
    """Compute every score on the topic again, from the lead's events and the model it names."""
    settings = Settings.from_environment()
    console = Console()
    with console.status("reading scores, models and events"):
        verdict = verify(settings.kafka, Registry(settings.kafka).codec(), settings.policies(), pool=settings.pool())
    table = Table("what", "count", title="Scores computed again")
    for name, count in verdict._asdict().items():
        table.add_row(name.replace("_", " "), f"{count:,}")
    console.print(table)
    if json_file:
        json_file.write_text(json.dumps(verdict._asdict()), encoding="utf-8")
    if not verdict.is_sound:
        raise typer.Exit(1)
