"""`python -m infra identity`: why are these ids one lead, and an operator's word that they are not, or may be again."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Annotated, NamedTuple

import typer
from rich.console import Console
from rich.table import Table

from connectors.kafka.config import KafkaConfig
from connectors.kafka.consumer import read_records
from connectors.kafka.producer import Producer
from connectors.kafka.registry import Registry
from infra.feed import wall_clock
from infra.settings import Settings
from models.identity.claims import parting_in, sighting_in
from models.identity.graph import IdentityGraph
from models.identity.kinds import DEVICE, EMAIL, LEAD, PHONE, USER, is_identifier, node
from models.identity.known import Known
from schemas.codec import Codec
from schemas.errors import ConfigError
from schemas.identity import APART, REJOINED, SEEN, IdentityClaim
from schemas.pseudonym import normalised_email, normalised_phone, pseudonym
from schemas.topics import Topic

BY_HAND = "hand"


class Evidence(NamedTuple):
    """Why an identifier is of a lead: what it is tied to, and when the two were seen together first and again (ms; 0: not again)."""

    identifier: str
    tied_to: str
    first_at: int
    again_at: int


class Person(NamedTuple):
    """A lead as the graph has it. `apart` are pairs that an operator parted; `others` what its identifiers were seen with and are not tied to."""

    lead: str
    is_shared: bool
    evidence: list[Evidence]
    apart: list[tuple[str, str]]
    others: list[str]


def graph_of(claims: Iterable[IdentityClaim]) -> tuple[IdentityGraph, dict[str, Known]]:
    """The graph of one tenant's claims: what `stitch_leads` has, as it is a function of the set of them."""
    store: dict[str, Known] = {}
    graph = IdentityGraph(store)
    for claim in claims:
        if claim.kind == SEEN:
            graph.observe(sighting_in(claim))
        else:
            graph.part(claim.people[0], claim.people[1], parting_in(claim))
    return graph, store


def person_of(claims: Iterable[IdentityClaim], identifier: str) -> Person:
    """The lead of an identifier, and why it is.

    Raises
    ------
    ConfigError
        No claim names it.
    """
    graph, store = graph_of(claims)
    known = store.get(identifier)
    if known is None:
        raise ConfigError(f"{identifier} was never seen with another identifier: it is a lead of its own, or none")
    members = sorted(name for name, other in store.items() if other.lead == known.lead)
    evidence = [Evidence(name, *tie) for name in members for tie in graph.ties_of(name)]
    apart = {(min(name, other), max(name, other)) for name in members for other, word in store[name].partings.items() if word.is_apart}
    others = {other for name in members for other in store[name].seen_with} - set(members)
    return Person(graph.stands_for(identifier), known.is_shared, evidence, sorted(apart), sorted(others))


def claims_of(config: KafkaConfig, codec: Codec, tenant: str) -> Iterator[IdentityClaim]:
    """A tenant's claims, from the log."""
    for record in read_records(config, Topic.IDENTITIES_CLAIMED):
        if record.key == tenant.encode():
            yield codec.decode_as(IdentityClaim, record.value)


def identifier_from(text: str, tenant: str, key: bytes) -> str:
    """What an operator writes → an identifier: `user:u-7`, `device:b-1`, `crm.hubspot:501`; an address or a number is hashed.

    Raises
    ------
    ConfigError
        It is none, or the deployment's key is missing where an address is to be hashed.
    """
    kind, _, value = text.partition(":")
    plain = {EMAIL: normalised_email, PHONE: normalised_phone}.get(kind, lambda _: None)(value)
    if plain is not None and ("@" in value or kind == PHONE) and not _is_hash(value):
        if not key:
            raise ConfigError("PROX_PSEUDONYM_KEY is needed to look an address up: give its hash, or the key")
        return node(kind, pseudonym(key, tenant, kind, plain))
    if not is_identifier(text):
        kinds = ", ".join((LEAD, USER, DEVICE, EMAIL, PHONE, "crm.NAME"))
        raise ConfigError(f"{text!r} is no identifier: write kind:value, of the kinds {kinds}")
    return text


def _is_hash(value: str) -> bool:
    return len(value) == 32 and all(c in "0123456789abcdef" for c in value)


def say(settings: Settings, tenant: str, one: str, other: str, kind: str, *, by: str) -> IdentityClaim:
    """Publish an operator's word; `stitch_leads` follows it within a second.

    Raises
    ------
    ConfigError
        The two are one, or are no identifiers.
    RetriableError
        Kafka or the registry is away.
    """
    if one == other:
        raise ConfigError(f"{one} is one identifier: nothing parts it from itself")
    now = wall_clock()
    claim = IdentityClaim(tenant, f"{now}-{kind}", kind, now, now, [one, other], by=by)
    producer = Producer(settings.kafka, Registry(settings.kafka).codec())
    producer.publish(Topic.IDENTITIES_CLAIMED, claim, key=tenant, at=now)
    producer.flush()
    return claim


app = typer.Typer(help="Which ids are one lead, and why.", no_args_is_help=True)
TenantArgument = Annotated[str, typer.Argument(help="whose lead")]
IdArgument = Annotated[str, typer.Argument(help="kind:value, as in user:u-7, device:b-1, email:ada@x.example, crm.hubspot:501")]
ByOption = Annotated[str, typer.Option(help="who decides, for the history: a role or a pseudonym")]


@app.command("show")
def _show(tenant: TenantArgument, identifier: IdArgument) -> None:
    """Every identifier of a lead, what ties it to the others, and since when."""
    settings = Settings.from_environment()
    name = identifier_from(identifier, tenant, settings.pseudonym_key.get_secret_value().encode())
    found = person_of(claims_of(settings.kafka, Registry(settings.kafka).codec(), tenant), name)
    console = Console()
    if found.is_shared:
        console.print(f"{name} is used by many, or by a role: it ties nobody to anybody", markup=False)
    table = Table("identifier", "tied to", "first seen together", "again", title=f"lead {found.lead}")
    for tie in found.evidence:
        table.add_row(tie.identifier, tie.tied_to, _instant(tie.first_at), _instant(tie.again_at))
    console.print(table)
    for one, other in found.apart:
        console.print(f"an operator parted {one} and {other}", markup=False)
    if found.others:
        console.print(f"seen with, and not tied to: {', '.join(found.others)}", markup=False, soft_wrap=True)


@app.command("part")
def _part(tenant: TenantArgument, one: IdArgument, other: IdArgument, by: ByOption = BY_HAND) -> None:
    """Nothing ties these two to each other any more: undoes a merge. `show` says which two to part."""
    _said(tenant, one, other, APART, by)


@app.command("rejoin")
def _rejoin(tenant: TenantArgument, one: IdArgument, other: IdArgument, by: ByOption = BY_HAND) -> None:
    """Take it back: what ties these two may tie them again."""
    _said(tenant, one, other, REJOINED, by)


def _said(tenant: str, one: str, other: str, kind: str, by: str) -> None:
    settings = Settings.from_environment()
    key = settings.pseudonym_key.get_secret_value().encode()
    names = [identifier_from(text, tenant, key) for text in (one, other)]
    say(settings, tenant, names[0], names[1], kind, by=by)
    Console().print(f"asked for: {names[0]} and {names[1]} {'are apart' if kind == APART else 'may be one'}", markup=False)


def _instant(at: int) -> str:
    return datetime.fromtimestamp(at / 1_000, UTC).isoformat(sep=" ", timespec="seconds") if at else ""


def register(to: typer.Typer) -> None:
    """Give the command line `identity`."""
    to.add_typer(app, name="identity")
