"""Avro bytes of a score, written by hand: seven tenths of the general writer's time, and the same bytes (a law says so). Each event has one."""

from schemas.avro_bytes import doubles, name, put_double, put_doubles, put_long, put_maybe_text, put_names, put_text
from schemas.score import LeadScore


def score_bytes(frame: bytes, score: LeadScore) -> bytes:
    """A frame, and the score's fields in the order of `avro/lead_score.avsc`.

    Raises
    ------
    TypeError, AttributeError, ValueError, UnicodeEncodeError, struct.error
        A field is not of its type. The general writer says which.
    """
    parts = [frame, name(score.tenant)]
    put = parts.append
    put_text(put, score.lead)
    put_text(put, score.event_id)
    put_long(put, score.sequence)
    put_long(put, score.as_of)
    put_double(put, score.propensity)
    put(name(score.grade))
    put_names(put, score.reason_features)
    put_doubles(put, score.reason_shares)
    for number in (score.model_version, score.feature_digest, score.scored_at, score.received_at):
        put_long(put, number)
    put(doubles((score.baseline, score.rest)))
    put_long(put, score.base_version)
    put(name(score.learner))
    put_doubles(put, score.reason_values)
    put_long(put, score.evidence)
    put_doubles(put, score.converted_by)
    put_maybe_text(put, score.account_id)
    return b"".join(parts)
