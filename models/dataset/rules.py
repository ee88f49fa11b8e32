"""What a manifest may not say, beyond the types of its values."""

from collections.abc import Iterator

from models.dataset.manifest import Attribute, Manifest

PARAMETERS = {"prefix": ("length",), "multiple_of": ("step", "otherwise"), "log1p": (), None: ()}
KINDS = {"log1p": "numeric", "prefix": "categorical", "multiple_of": "categorical"}


def problems(manifest: Manifest) -> list[str]:
    """Every contradiction in a manifest, in words; empty if it can be read."""
    return [
        *_of_lead_and_file(manifest),
        *_of_event(manifest),
        *(problem for name, attribute in manifest.attributes.items() for problem in _of_attribute(name, attribute)),
        *_of_hints(manifest),
        *(_of_outcome_in_events(manifest) if manifest.outcome.source == "events" else _of_outcome_in_column(manifest)),
    ]


def _of_lead_and_file(manifest: Manifest) -> Iterator[str]:
    if (manifest.lead.column is None) == (not manifest.lead.row):
        yield "lead: give either column or row = true"
    if bool(manifest.file.sum_by) != bool(manifest.file.sum):
        yield "file: sum_by and sum belong together"
    both = set(manifest.file.sum_by) & set(manifest.file.sum)
    if both:
        yield f"file: {sorted(both)} cannot be in sum_by and in sum"
    expected_source = "events" if manifest.mode == "events" else "column"
    if manifest.outcome.source != expected_source:
        yield f"outcome.from: mode {manifest.mode!r} has its outcome in {expected_source!r}"


def _of_event(manifest: Manifest) -> Iterator[str]:
    event = manifest.event
    if (event.type is None) == (event.type_column is None):
        yield "event: give either type or type_column"
    if (event.channel is None) == (not event.channels):
        yield "event: give either channel or channels"
    staged = [event_type for stage in event.stages for event_type in stage]
    twice = {event_type for event_type in staged if staged.count(event_type) > 1}
    if twice:
        yield f"event.stages: {sorted(twice)} in more than one stage"


def _of_attribute(name: str, attribute: Attribute) -> Iterator[str]:
    wanted = PARAMETERS[attribute.transform]
    given = [key for key in ("length", "step", "otherwise") if getattr(attribute, key) is not None]
    for key in wanted:
        if key not in given:
            yield f"attributes.{name}: transform {attribute.transform!r} needs {key}"
    for key in given:
        if key not in wanted:
            yield f"attributes.{name}: {key} means nothing with transform {attribute.transform!r}"
    if attribute.transform and KINDS[attribute.transform] != attribute.kind:
        yield f"attributes.{name}: transform {attribute.transform!r} is for kind {KINDS[attribute.transform]!r}"


def _of_hints(manifest: Manifest) -> Iterator[str]:
    known = set(manifest.feature_names)
    for cross in manifest.crosses:
        for feature in cross:
            if feature not in known:
                yield f"crosses: unknown feature {feature!r}"
    memory = manifest.memory
    for name in memory.means if memory else ():
        attribute = manifest.attributes.get(name)
        if attribute is None or attribute.kind != "numeric":
            yield f"memory.means: {name!r} is no numeric attribute"
    if memory and "decayed" in memory.features and memory.decay_days is None:
        yield "memory: decayed needs decay_days"


def _of_outcome_in_events(manifest: Manifest) -> Iterator[str]:
    outcome = manifest.outcome
    for key in ("column", "converted_when", "time_column", "min_delay_hours", "known"):
        if getattr(outcome, key):
            yield f'outcome.{key}: only with from = "column"'
    if not outcome.converted:
        yield "outcome.converted: no type converts"
    if outcome.repeatable and outcome.lost:
        yield "outcome.lost: not allowed where the outcome is repeatable"
    both = set(outcome.converted) & set(outcome.lost)
    if both:
        yield f"outcome: {sorted(both)} both converted and lost"


def _of_outcome_in_column(manifest: Manifest) -> Iterator[str]:
    outcome = manifest.outcome
    if outcome.column is None:
        yield "outcome.column: which column tells the outcome"
    if outcome.repeatable:
        yield 'outcome.repeatable: only with from = "events"'
    if outcome.converted_when and (outcome.converted or outcome.lost):
        yield "outcome: give either converted_when or the values converted and lost"
    if not outcome.converted_when and not outcome.converted:
        yield "outcome.converted: no value converts"
    both = set(outcome.converted) & set(outcome.lost)
    if both:
        yield f"outcome: {sorted(both)} both converted and lost"
    if outcome.time_column and manifest.time.kind != "timestamp":
        yield f"outcome.time_column: times of kind {manifest.time.kind!r} have no format to read it by"
    if outcome.horizon_days is not None:
        if outcome.time_column is None:
            yield "outcome.horizon_days: needs time_column, when the lead converted"
        if outcome.known is not None:
            yield "outcome.known: only without horizon_days"
    elif outcome.known is None and outcome.time_column is None:
        yield "outcome: give known or time_column, when the label may be learned"
    if outcome.known == "at_outcome" and outcome.time_column is None:
        yield 'outcome.known = "at_outcome": needs time_column'
