"""Avro bytes of a matured example, written by hand: half of the general writer's time, and the same bytes (a law says so)."""

from schemas.avro_bytes import name, put_double, put_doubles, put_flag, put_long, put_names, put_text
from schemas.example import MaturedExample


def example_bytes(frame: bytes, example: MaturedExample) -> bytes:
    """A frame, and the example's fields in the order of `avro/matured_example.avsc`.

    Raises
    ------
    TypeError, AttributeError, ValueError, UnicodeEncodeError, struct.error
        A field is not of its type. The general writer says which.
    """
    parts = [frame, name(example.tenant)]
    put = parts.append
    put_text(put, example.lead)
    put_text(put, example.event_id)
    for number in (example.sequence, example.as_of, example.matured_at, example.first_interval, example.last_interval):
        put_long(put, number)
    put_flag(put, example.is_converted)
    put_flag(put, example.is_final)
    put_double(put, example.propensity)
    put_doubles(put, example.hazards)
    put_long(put, example.model_version)
    if type(example.features) is not bytes:
        raise TypeError("a vector is bytes")
    put_long(put, len(example.features))
    put(example.features)
    put(name(example.learner))
    put_names(put, example.shadow_learners)
    put_doubles(put, example.shadow_propensities)
    put_doubles(put, example.shadow_hazards)
    return b"".join(parts)
