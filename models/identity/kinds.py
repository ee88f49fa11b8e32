"""Kinds of identifiers: how strong each is, which glue, and how many of others each may be seen with."""

LEAD, USER, CRM, EMAIL, PHONE, NETWORK, DEVICE = "lead", "user", "crm.", "email", "phone", "network_id", "device"
"""A producer's own lead, a user id, a contact of a CRM (`crm.hubspot`), addresses as keyed hashes, a cookie of many sites, an anonymous id."""

KIND_SEPARATOR = ":"
_RANKS = {LEAD: 0, USER: 1, EMAIL: 3, PHONE: 4, NETWORK: 5, DEVICE: 6}
_CRM_RANK = 2
ATTACHING = frozenset({PHONE, NETWORK, DEVICE})
"""Kinds that people share at home and at work: such an identifier belongs to the first person it was seen with, and never joins two."""
DEVICES = frozenset({NETWORK, DEVICE})
"""Kinds that name what somebody used, and no person."""

PLACEHOLDERS = frozenset(
    {
        *("", "0", "-1", "1", "null", "nil", "none", "undefined", "unknown", "anonymous", "guest", "visitor", "user", "test", "true", "false", "nan"),
        *("n/a", "na", "[object object]", "(not set)", "00000000-0000-0000-0000-000000000000", "default", "admin"),
    }
)
"""What broken clients write where an id belongs; seen at every vendor of analytics. It names nobody."""
ROLES = frozenset(
    {
        *(
            "abuse",
            "accounting",
            "accounts",
            "admin",
            "administrator",
            "billing",
            "bookings",
            "buchhaltung",
            "careers",
            "compras",
            "contact",
            "contacto",
        ),
        *(
            "contato",
            "einkauf",
            "enquiries",
            "enquiry",
            "feedback",
            "finance",
            "hello",
            "help",
            "helpdesk",
            "hostmaster",
            "hr",
            "info",
            "inquiries",
            "it",
        ),
        *(
            "jobs",
            "kontakt",
            "legal",
            "mail",
            "marketing",
            "news",
            "newsletter",
            "no-reply",
            "noreply",
            "office",
            "orders",
            "postmaster",
            "press",
            "privacy",
        ),
        *(
            "procurement",
            "purchasing",
            "reception",
            "root",
            "sales",
            "secretary",
            "security",
            "service",
            "shop",
            "support",
            "team",
            "vendas",
            "ventas",
        ),
        *("verkauf", "vertrieb", "webmaster", "zentrale"),
    }
)
"""Local parts of mailboxes that belong to a role (RFC 2142 and what is common in German, Portuguese and Spanish): they join nobody from the start."""

DEFAULT_LIMIT = 16
_LIMITS = {
    (LEAD, DEVICE): 128, (LEAD, NETWORK): 128,
    (USER, DEVICE): 128, (USER, NETWORK): 128, (USER, EMAIL): 8, (USER, PHONE): 8,
    (EMAIL, DEVICE): 24, (EMAIL, NETWORK): 24, (EMAIL, PHONE): 8, (EMAIL, USER): 3, (EMAIL, CRM): 3,
    (PHONE, DEVICE): 24, (PHONE, NETWORK): 24, (PHONE, EMAIL): 3, (PHONE, USER): 3, (PHONE, CRM): 3,
    (DEVICE, USER): 4, (DEVICE, EMAIL): 4, (DEVICE, LEAD): 4,
    (NETWORK, USER): 4, (NETWORK, EMAIL): 4, (NETWORK, LEAD): 4,
}  # fmt: skip
"""(a, b): an identifier of kind a that was seen with more identifiers of kind b is shared. A household has four people at most logins;
a person has rarely more than eight addresses, and two dozen browsers in a year when cookies are cleared every other week."""


def node(kind: str, value: str) -> str:
    """An identifier as one text: `kind:value`."""
    return f"{kind}{KIND_SEPARATOR}{value}"


def kind_of(identifier: str) -> str:
    """The kind of an identifier."""
    return identifier.partition(KIND_SEPARATOR)[0]


def lead_named_by(identifier: str) -> str:
    """The id of the lead whose strongest identifier this is: what a collector calls a lead that it knows nothing else of.

    Examples
    --------
    >>> lead_named_by("user:u-7"), lead_named_by("email:8c1f")
    ('u-7', 'email:8c1f')
    """
    kind, _, value = identifier.partition(KIND_SEPARATOR)
    return value if kind in (LEAD, USER, DEVICE) else identifier


def is_known_kind(kind: str) -> bool:
    """Whether identifiers of this kind are stitched at all."""
    return kind in _RANKS or (kind.startswith(CRM) and len(kind) > len(CRM))


def is_identifier(text: str) -> bool:
    """Whether a text is `kind:value` of a kind that is stitched."""
    kind, _, value = text.partition(KIND_SEPARATOR)
    return bool(value) and is_known_kind(kind)


def order(identifier: str) -> tuple[int, str]:
    """Strongest first; of two of a strength the smaller text. A total order that knows nothing of time."""
    return _RANKS.get(kind_of(identifier), _CRM_RANK), identifier


def is_placeholder(value: str) -> bool:
    """Whether this is no id, but what a client writes when it has none."""
    return value.strip().lower() in PLACEHOLDERS


def is_role(email: str) -> bool:
    """Whether a mailbox belongs to a role and not to a person.

    Examples
    --------
    >>> is_role("info@acme.example"), is_role("Sales+eu@acme.example"), is_role("ada@acme.example")
    (True, True, False)
    """
    return email.strip().lower().partition("@")[0].partition("+")[0] in ROLES


def limit(kind: str, other: str) -> int:
    """How many identifiers of another kind one of this kind may be seen with; beyond it, it is shared."""
    return _LIMITS.get((_family(kind), _family(other)), DEFAULT_LIMIT)


def _family(kind: str) -> str:
    return CRM if kind.startswith(CRM) else kind
