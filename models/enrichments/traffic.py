"""Where a visit came from: `traffic.channel`, in the words of web analytics."""

from functools import lru_cache
from urllib.parse import urlsplit

from schemas.event import Event

CHANNEL = "traffic.channel"
SEARCH = ("google.", "bing.", "duckduckgo.", "yahoo.", "ecosia.", "baidu.", "yandex.", "qwant.", "startpage.", "search.brave.")
SOCIAL = (
    *("facebook.", "instagram.", "linkedin.", "lnkd.in", "twitter.", "t.co", "x.com", "youtube.", "tiktok.", "reddit.", "pinterest.", "xing."),
    *("threads.net", "bsky.app", "mastodon."),
)
ASSISTANTS = ("chatgpt.com", "chat.openai.com", "perplexity.ai", "claude.ai", "gemini.google.com", "copilot.microsoft.com")
PAID = frozenset({"cpc", "ppc", "cpm", "cpv", "cpa", "paid", "retargeting", "paidsearch", "paid_search", "paidsocial", "paid_social", "paid-social"})
MEDIA = {
    "display": "display", "banner": "display", "cpm": "display", "affiliate": "affiliate", "partner": "affiliate", "referral": "referral",
    "email": "email", "e-mail": "email", "newsletter": "email", "sms": "sms", "push": "push", "organic": "organic_search",
    "social": "organic_social", "social-media": "organic_social", "social_media": "organic_social",
}  # fmt: skip
PAID_CLICKS = {
    "click.gclid": "paid_search", "click.wbraid": "paid_search", "click.gbraid": "paid_search", "click.msclkid": "paid_search",
    "click.fbclid": "organic_social", "click.li_fat_id": "paid_social", "click.ttclid": "paid_social", "click.twclid": "paid_social",
}  # fmt: skip
"""What a click id says when nothing else does: Facebook's is on every link of it, paid or not."""
FIELDS = frozenset({"campaign.medium", "campaign.source", "page.referrer", "page.url", *PAID_CLICKS})


def add(event: Event, context: dict[str, str]) -> None:
    """Name the channel of an event that says anything of its origin: campaign first, then click ids, then the referrer.

    The rules are those of Google Analytics' default channel group, with assistants apart; a page without any of it was asked for directly.
    """
    said = event.context
    if FIELDS.isdisjoint(said):
        return
    medium, source = said.get("campaign.medium", ""), said.get("campaign.source", "")
    if medium or source:
        channel: str | None = _of_campaign(medium, source)
    else:
        channel = _of_clicks(said) or _of_referrer(said.get("page.referrer", ""), said.get("page.url", ""))
    if channel is not None:
        context[CHANNEL] = channel


@lru_cache(maxsize=10_000)
def _of_campaign(medium: str, source: str) -> str:
    medium, place = medium.lower(), _place(source.lower())
    if medium in PAID and medium not in MEDIA:
        where = place or next((name for name in ("search", "social") if name in medium), "")
        return f"paid_{where}" if where in ("search", "social") else "paid"
    return MEDIA.get(medium) or {"search": "organic_search", "social": "organic_social"}.get(place, place or "campaign")


def _of_clicks(said: dict[str, str]) -> str | None:
    for name in said:
        if name in PAID_CLICKS:
            return PAID_CLICKS[name]
    return None


@lru_cache(maxsize=20_000)
def _of_referrer(referrer: str, url: str) -> str | None:
    """None: from a page of the same site, which says nothing of where the visit came from."""
    host = _host(referrer)
    if not host:
        return "direct"
    if host == _host(url):
        return None
    return {"search": "organic_search", "social": "organic_social"}.get(_place(host), _place(host) or "referral")


def _place(host: str) -> str:
    """`search`, `social` or `assistant` for a host or the plain name of one; empty for any other."""
    dotted = host if "." in host else f"{host}."
    for place, names in (("assistant", ASSISTANTS), ("search", SEARCH), ("social", SOCIAL)):
        if any(dotted == name or dotted.startswith(name) or f".{name}" in dotted for name in names):
            return place
    return ""


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:  # a referrer is whatever the client wrote
        return ""
