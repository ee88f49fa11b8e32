"""Where something happened: addresses of pages without what they tell of people, and of networks, shortened."""

from functools import lru_cache
from ipaddress import IPv4Address, ip_address, ip_network
from urllib.parse import parse_qsl

from schemas.pseudonym import EMAIL

CAMPAIGN = {
    "utm_source": "campaign.source",
    "utm_medium": "campaign.medium",
    "utm_campaign": "campaign.name",
    "utm_term": "campaign.term",
    "utm_content": "campaign.content",
    "utm_id": "campaign.id",
}
CLICK_IDS = frozenset({"gclid", "gbraid", "wbraid", "dclid", "fbclid", "msclkid", "ttclid", "twclid", "li_fat_id", "mc_eid"})
LONGEST_TEXT = 2_048
MOST_PARAMETERS = 200


def masked(text: str) -> str:
    """A text for the context: cut to 2,048 characters, e-mail addresses struck out.

    Examples
    --------
    >>> masked("from a@b.example, see http://u@x.example/?to=c@d.example")
    'from [email], see [email]'
    """
    text = text[:LONGEST_TEXT]
    while "@" in text:
        struck = EMAIL.sub("[email]", text)
        if struck == text:
            break
        text = struck  # what is left of an address that ran into another may look like one again
    return text


def put_url(url: str, name: str, context: dict[str, str]) -> None:
    """Put an address under a name: without user, query and fragment; campaign and click ids of its query go beside it.

    Examples
    --------
    >>> found = {}
    >>> put_url("https://acme.example/p?utm_source=news&gclid=x1&email=a@b.io#top", "page.url", found)
    >>> found
    {'page.url': 'https://acme.example/p', 'campaign.source': 'news', 'click.gclid': 'x1'}
    """
    bare, _, rest = url.partition("?")
    context[name] = masked(bare.partition("#")[0])
    if rest:
        put_query(rest.partition("#")[0], context)


def put_query(query: str, context: dict[str, str]) -> None:
    """Put campaign and click ids of a query; those that stand there already stay."""
    if "utm_" not in query and "id=" not in query:
        return
    try:
        pairs = parse_qsl(query[: 4 * LONGEST_TEXT], max_num_fields=MOST_PARAMETERS)
    except ValueError:  # more parameters than any page has
        return
    for parameter, value in pairs:
        known = CAMPAIGN.get(parameter) or (f"click.{parameter}" if parameter in CLICK_IDS else None)
        if known:
            context.setdefault(known, masked(value))


@lru_cache(maxsize=4_096)
def address(text: str, *, whole: bool) -> str | None:
    """An IP address as it is kept: whole, or the first 24 bits of four bytes and 48 of sixteen; None for what is none.

    Examples
    --------
    >>> address("203.0.113.77", whole=False), address("2001:db8:1:2::3", whole=False), address("here", whole=True)
    ('203.0.113.0', '2001:db8:1::', None)
    """
    try:
        ip = ip_address(text.strip())
        if whole:
            return str(ip)
        return str(ip_network(f"{ip}/{24 if isinstance(ip, IPv4Address) else 48}", strict=False).network_address)
    except ValueError:
        return None
