"""The country of a visit, where a proxy in front of the collector told it: `geo.country`."""

from schemas.event import Event

COUNTRY = "geo.country"
NOWHERE = frozenset({"XX", "T1", "ZZ", "EU", "AP", "A1", "A2"})
"""What proxies write for an unknown country, Tor, a continent, or an anonymous proxy."""
LETTERS = 2


def add(event: Event, context: dict[str, str]) -> None:
    """Keep a country of two letters (ISO 3166) in capitals; whatever else stands there is no country and goes."""
    told = event.context.get(COUNTRY)
    if told is None:
        return
    country = told.strip().upper()
    if len(country) == LETTERS and country.isascii() and country.isalpha() and country not in NOWHERE:
        context[COUNTRY] = country
    else:
        context.pop(COUNTRY, None)
