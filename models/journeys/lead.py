"""Who a simulated lead is: its account, its traits, its hidden fit."""

from dataclasses import dataclass, field
from random import Random
from zlib import crc32

from models.journeys.process import FITS

INDUSTRIES = ("software", "finance", "healthcare", "manufacturing", "retail", "education", "logistics", "energy")
SIZES = (8, 40, 180, 900, 4_000, 20_000)
COUNTRIES = ("DE", "US", "GB", "FR", "NL", "ES", "SE", "PL")
SENIORITIES = ("intern", "specialist", "manager", "director", "executive")
SOURCES = ("search", "linkedin", "partner", "webinar", "trade_fair", "direct", "newsletter")
CAMPAIGNS = ("spring_launch", "product_tour", "price_promise", "customer_stories", "none")
LEADS_PER_ACCOUNT = 4
BOT_SHARE, ANONYMOUS_SHARE = 0.03, 0.6


@dataclass(slots=True)
class Lead:
    """A lead under way. `state` is that of `models.journeys.process`; `emitted` numbers its records."""

    lead_id: str
    account_id: str
    traits: dict[str, str | float]
    context: dict[str, str]
    fit: int
    state: int
    is_bot: bool
    is_known: bool
    consents_to_email: bool
    emitted: int = 0
    anonymous_id: str | None = None
    consent: dict[str, bool] = field(default_factory=dict)


def meet(rng: Random, number: int, leads: int, prefix: str) -> Lead:
    """The lead with this number, as it first appears.

    Parameters
    ----------
    rng
        Draws what is not fixed by the number.
    number
        Counted from 0; with `leads` it gives the account.
    leads
        How many there will be.
    prefix
        Of every id.
    """
    account = number * 7_919 % max(1, leads // LEADS_PER_ACCOUNT)
    industry, size, country = _firm(f"{prefix}{account}")
    seniority = rng.choices(range(len(SENIORITIES)), (1, 4, 4, 2, 1))[0]
    source = rng.randrange(len(SOURCES))
    is_bot = rng.random() < BOT_SHARE
    is_anonymous = is_bot or rng.random() < ANONYMOUS_SHARE
    suits = (7 - industry) * 0.45 + min(size, 4) * 0.9 + seniority * 0.8 + (1.2 if SOURCES[source] in ("partner", "webinar") else 0.0)
    hidden = rng.gauss(-2.0, 1.2)  # what no attribute tells
    return Lead(
        lead_id=f"{prefix}{number}",
        account_id=f"{prefix}account-{account}",
        traits={
            "industry": INDUSTRIES[industry],
            "employees": float(SIZES[size]),
            "country": COUNTRIES[country],
            "seniority": SENIORITIES[seniority],
        },
        context={"source": SOURCES[source], "campaign": rng.choice(CAMPAIGNS), "device": "bot" if is_bot else rng.choice(("desktop", "mobile"))},
        fit=max(0, min(FITS - 1, round(suits + hidden))),
        state=0 if is_anonymous else 2,
        is_bot=is_bot,
        is_known=not is_anonymous,
        consents_to_email=rng.random() < 0.8,
        anonymous_id=f"{prefix}visitor-{number}" if is_anonymous else None,
    )


def _firm(account: str) -> tuple[int, int, int]:
    """The account's own traits: the same for all its leads, so drawn from its name."""
    digest = crc32(account.encode())
    return digest % len(INDUSTRIES), digest // 8 % len(SIZES), digest // 64 % len(COUNTRIES)
