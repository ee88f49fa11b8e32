"""The whole error tree. An error's type says what to do about it.

ProxError
├── ConfigError               stop at start-up, say which variable
├── PoisonRecordError         dead-letter this record whole, carry on with the batch
├── SkippableError            count, carry on
├── RetriableError            back off and try again; carries retry_after_s
│   ├── RateLimitedError
│   │   └── QuotaSpentError   nothing more for hours: tell a person
│   └── DoubtfulError         it may have been done; doing it again must change nothing
├── TenantBlockedError        stop for this tenant and tell a person; the others carry on
│   └── AuthError
├── ParityError               do not publish this model: its export says something else; the last one stays
└── FatalError                fail the job; Flink restarts it from the last checkpoint
"""


class ProxError(Exception):
    """Anything ProX raises on purpose."""


class ConfigError(ProxError):
    """A setting is missing or wrong: stop at start-up."""


class PoisonRecordError(ProxError):
    """This record can never succeed.

    Parameters
    ----------
    message
        What is wrong and how to mend it; no personal data.
    reason
        One word of a closed set, for metrics: `not_avro`, `unknown_schema`, `wrong_type`, `invalid`, `too_large`.
    """

    def __init__(self, message: str, *, reason: str = "invalid") -> None:
        super().__init__(message)
        self.reason = reason


class SkippableError(ProxError):
    """Nothing to be done, and nothing lost by carrying on."""


class RetriableError(ProxError):
    """The other side is away or busy; the same call may succeed later.

    Parameters
    ----------
    retry_after_s
        Seconds the other side asked us to wait; None when it did not say.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class RateLimitedError(RetriableError):
    """The other side's quota is spent."""


class QuotaSpentError(RateLimitedError):
    """The other side's quota of the day is spent."""


class DoubtfulError(RetriableError):
    """The other side did not answer: what was asked may have been done or not."""


class TenantBlockedError(ProxError):
    """Work of one tenant must stop until a person acts."""


class AuthError(TenantBlockedError):
    """The tenant's credentials were refused."""


class ParityError(ProxError):
    """An exported model does not say what the trained one says: it is not published."""


class FatalError(ProxError):
    """The job cannot go on: let Flink restart it."""
