"""What is added to an event, one fact each."""

import pytest

from models.enrichments import geo, registry
from models.enrichments.user_agent import parsed
from schemas.event import OBSERVATION, Event, Person
from schemas.policy import ENRICHMENTS, EnrichmentPolicy
from tests.builders import an_event

SITE = "https://acme.example/pricing"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Mobile/15E148 Safari/604.1"
IPAD = "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1"
TABLET = "Mozilla/5.0 (Linux; Android 13; SM-X200) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
LAPTOP = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Safari/605.1.15"
ALL = EnrichmentPolicy()


def added(policy: EnrichmentPolicy = ALL, **context: str) -> dict[str, str]:
    """What an event with this context (`_` for `.`, `__` for `_`) has besides, or otherwise."""
    named = {name.replace("__", "\0").replace("_", ".").replace("\0", "_"): value for name, value in context.items()}
    result = registry.apply(an_event(context=named), policy).context
    return {name: value for name, value in result.items() if named.get(name) != value}


@pytest.mark.parametrize(
    ("said", "channel"),
    [
        ({"campaign_medium": "CPC", "campaign_source": "google"}, "paid_search"),
        ({"campaign_medium": "cpc", "campaign_source": "linkedin.com"}, "paid_social"),
        ({"campaign_medium": "paid_social", "campaign_source": "podcast"}, "paid_social"),
        ({"campaign_medium": "cpc", "campaign_source": "podcast"}, "paid"),
        ({"campaign_medium": "cpm", "campaign_source": "google"}, "display"),
        ({"campaign_medium": "email", "campaign_source": "spring"}, "email"),
        ({"campaign_source": "xing"}, "organic_social"),
        ({"campaign_source": "fair"}, "campaign"),
        ({"click_gclid": "x", "page_referrer": "https://www.google.com/"}, "paid_search"),
        ({"click_li__fat__id": "x"}, "paid_social"),
        ({"page_referrer": "https://www.google.co.uk/", "page_url": SITE}, "organic_search"),
        ({"page_referrer": "https://t.co/abc", "page_url": SITE}, "organic_social"),
        ({"page_referrer": "https://chatgpt.com/", "page_url": SITE}, "assistant"),
        ({"page_referrer": "https://blog.example/post", "page_url": SITE}, "referral"),
        ({"page_url": SITE}, "direct"),
        ({"page_referrer": "https://[broken", "page_url": SITE}, "direct"),
        ({"page_referrer": "https://www.acme.example/", "page_url": SITE}, None),
        ({"locale": "de"}, None),
    ],
)
def test_a_visit_says_where_it_came_from(said: dict[str, str], channel: str | None):
    """Campaign before click id before referrer; a page of the same site says nothing."""
    assert channel == added(**said).get("traffic.channel")


@pytest.mark.parametrize(
    ("text", "agent"),
    [
        (IPHONE, ("Mobile Safari", "iOS", "mobile")),
        (IPAD, ("Mobile Safari", "iOS", "tablet")),
        (TABLET, ("Chrome", "Android", "tablet")),
        (LAPTOP, ("Safari", "Mac OS X", "desktop")),
        ("python-requests/2.31", ("Python Requests", None, "bot")),
        ("nonsense", (None, None, "desktop")),
    ],
)
def test_a_user_agent_says_what_it_is(text: str, agent: tuple[str | None, str | None, str]):
    """By family, without versions: they would be a fingerprint."""
    assert agent == parsed(text)


def test_a_machines_events_are_shown_and_not_scored():
    """A crawler is no lead."""
    event = registry.apply(an_event(context={"user_agent": "curl/8.5.0"}), ALL)

    assert (OBSERVATION, "bot") == (event.channel, event.context["filtered"])


def test_the_tenants_own_people_are_no_leads():
    """By the domain of their address, and of no other that ends like it."""
    policy = EnrichmentPolicy(internal_domains=frozenset({"acme.example"}))
    events = [registry.apply(an_event(person=Person(email=email)), policy) for email in ("eve@ACME.example", "eve@notacme.example")]

    assert ["internal", None] == [event.context.get("filtered") for event in events]


@pytest.mark.parametrize(("told", "kept"), [("de", "DE"), (" us ", "US"), ("T1", None), ("Germany", None), ("1A", None), ("", None)])
def test_a_country_is_two_letters(told: str, kept: str | None):
    """What a proxy writes for nowhere is no country."""
    context = {geo.COUNTRY: told}
    geo.add(an_event(context=dict(context)), context)

    assert kept == context.get(geo.COUNTRY)


@pytest.mark.parametrize(
    ("fields", "stamp"),
    [
        ({"consent": {"ads": True, "mail": True}}, {"privacy.consent": "all"}),
        ({"consent": {"ads": False, "mail": True}}, {"privacy.consent": "some"}),
        ({"consent": {"ads": False}}, {"privacy.consent": "none"}),
        ({"consent": {}, "is_consent_stated": True}, {"privacy.consent": "none"}),
        ({"consent": {}, "gpc": True}, {"privacy.gpc": "1"}),
        ({"consent": {}}, {}),
    ],
)
def test_what_was_allowed_is_stamped(fields: dict[str, object], stamp: dict[str, str]):
    """As it was said with the event; nothing where nothing was said."""
    assert stamp == registry.apply(an_event(context={}, **fields), ALL).context


def test_a_tenant_switches_off_what_it_does_without():
    """Nothing is added, and nothing filtered."""
    event = an_event(context={"user_agent": "curl/8.5.0", "page.url": SITE, "geo.country": "de"}, gpc=True)

    assert event is registry.apply(event, EnrichmentPolicy(off=ENRICHMENTS))


def test_an_event_that_says_nothing_of_itself_is_left_as_it_is():
    """The very same object: producers that send bare events pay for nothing."""
    event: Event = an_event(context={}, consent={})

    assert event is registry.apply(event, ALL)
