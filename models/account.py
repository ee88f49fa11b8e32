"""The company that leads work for: which ids name one, and how likely it is to buy."""

from collections.abc import Iterable
from heapq import nlargest
from math import expm1, fsum, log1p

from models.identity.kinds import PLACEHOLDERS

BUYING_GROUP = 10
"""Leads of an account that count for its score: as many as take part in one purchase. A thousand faint readers are no purchase."""

MAILBOXES = frozenset(
    {
        *("icloud.com", "me.com", "mac.com", "aol.com", "live.com", "msn.com", "web.de", "t-online.de", "freenet.de", "proton.me", "protonmail.com"),
        *("mail.com", "mail.ru", "bk.ru", "inbox.ru", "list.ru", "rambler.ru", "qq.com", "163.com", "126.com", "sina.com", "naver.com", "zoho.com"),
        *("fastmail.com", "hey.com", "tutanota.com", "orange.fr", "wanadoo.fr", "free.fr", "laposte.net", "sfr.fr", "libero.it", "virgilio.it"),
        *("uol.com.br", "bol.com.br", "terra.com.br", "comcast.net", "verizon.net", "att.net", "sbcglobal.net", "btinternet.com", "sky.com"),
        *("rediffmail.com", "seznam.cz", "wp.pl", "o2.pl", "onet.pl", "interia.pl", "bluewin.ch", "hispeed.ch", "telenet.be", "ziggo.nl"),
    }
)
"""Domains under which anybody has a mailbox, beside the families below."""
MAILBOX_FAMILIES = frozenset({"gmail", "googlemail", "yahoo", "ymail", "hotmail", "outlook", "gmx", "yandex"})
"""The same under many top-level domains."""

# a first customer may well be number 1
_NOBODY = PLACEHOLDERS - {"1"}
LONGEST = 512
"""Characters of an id, as of a lead's: longer ones are payloads gone astray."""


def is_account(name: str) -> bool:
    """Whether an id names a company: no placeholder of a broken client, and no domain where anybody has a mailbox.

    Examples
    --------
    >>> is_account("lovelace.example"), is_account("GMail.com"), is_account("yahoo.co.uk"), is_account("null")
    (True, False, False, False)
    """
    plain = name.strip().lower()
    if len(name) > LONGEST or plain in _NOBODY or plain in MAILBOXES or "\n" in name or "\x00" in name:
        return False
    family, _, domain = plain.partition(".")
    return not domain or domain.count(".") > 1 or family not in MAILBOX_FAMILIES


def account_score(propensities: Iterable[float]) -> float:
    """Probability that at least one of an account's leads converts, were they to decide apart from each other.

    Of the `BUYING_GROUP` strongest only. Colleagues do not decide apart: they share a budget and one purchase. So this is the upper of two
    bounds, of which the lower is the strongest lead's own propensity; the truth of an account is between them, and this orders accounts.

    Parameters
    ----------
    propensities
        Of the account's open leads, each in [0, 1], in any order.

    Returns
    -------
    A ratio in [0, 1], the same to the bit in whatever order; 0 for no leads. It never falls when a lead is added or becomes stronger.

    Examples
    --------
    >>> account_score([0.5, 0.5]), account_score([0.02] * 500) < 0.2
    (0.75, True)
    """
    strongest = nlargest(BUYING_GROUP, propensities)
    if not strongest or strongest[0] >= 1.0:
        return 1.0 if strongest else 0.0
    return max(strongest[0], -expm1(fsum(log1p(-p) for p in strongest)))
