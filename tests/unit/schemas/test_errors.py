import pickle

import pytest

from schemas.errors import (
    AuthError,
    ConfigError,
    DoubtfulError,
    FatalError,
    ParityError,
    PoisonRecordError,
    ProxError,
    QuotaSpentError,
    RateLimitedError,
    RetriableError,
    SkippableError,
)

ERRORS = [
    ConfigError("PROX_KAFKA__PARTITIONS: too few"),
    PoisonRecordError("not a record", reason="not_avro"),
    SkippableError("lead 7 is gone"),
    RetriableError("away", retry_after_s=2.5),
    RateLimitedError("too fast", retry_after_s=7.0),
    QuotaSpentError("no calls left today", retry_after_s=3_600.0),
    DoubtfulError("no answer within 10 s"),
    AuthError("refused"),
    FatalError("state is broken"),
    ParityError("the export differs"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickling(error: ProxError):
    """An error crosses processes with its type, its message and what it carries."""
    copy = pickle.loads(pickle.dumps(error))

    assert (type(error), error.args, vars(error)) == (type(copy), copy.args, vars(copy))
