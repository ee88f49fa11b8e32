"""`python -m infra promote` and `rollback`: a person decides which of a tenant's learners is champion."""

from typing import Annotated

import typer
from rich.console import Console

from connectors.kafka.producer import Producer
from connectors.kafka.registry import Registry
from infra.feed import wall_clock
from infra.settings import Settings
from models.learning.configurations import CONFIGURATIONS
from schemas.champion_choice import THE_ONE_BEFORE, ChampionChoice
from schemas.errors import ConfigError
from schemas.model_snapshot import LEARNER
from schemas.policy import TenantPolicy
from schemas.topics import Topic

BY_HAND = "hand"


def choose(settings: Settings, tenant: str, learner: str, *, by: str = BY_HAND) -> ChampionChoice:
    """Publish a choice; `learn_models` follows it, once, and scores follow within a second.

    Parameters
    ----------
    settings
        Where Kafka is, and which challengers the tenant has.
    tenant
        Whose champion.
    learner
        Which; THE_ONE_BEFORE takes the last change back.
    by
        Who decides: a role or a pseudonym.

    Raises
    ------
    ConfigError
        The tenant has no such learner.
    RetriableError
        Kafka or the registry is away.
    """
    check(settings.policies().get(tenant, TenantPolicy()), tenant, learner)
    now = wall_clock()
    choice = ChampionChoice(tenant=tenant, choice_id=f"{now}-{learner or 'rollback'}", learner=learner, by=by, chosen_at=now)
    producer = Producer(settings.kafka, Registry(settings.kafka).codec())
    producer.publish(Topic.CHAMPIONS_CHOSEN, choice, key=tenant, at=now)
    producer.flush()
    return choice


def check(policy: TenantPolicy, tenant: str, learner: str) -> None:
    """Refuse a learner that the tenant's settings do not have.

    Raises
    ------
    ConfigError
        Saying which it has, and where others are entered.
    """
    has = (THE_ONE_BEFORE, LEARNER, *policy.challengers)
    if learner not in has:
        known = ", ".join(name for name in has if name)
        hint = f": add it to `challengers` of [{tenant}] in the tenants file" if learner in CONFIGURATIONS else ""
        raise ConfigError(f"{tenant} has no learner {learner!r}; it has {known}{hint}")


def register(app: typer.Typer) -> None:
    """Give the command line `promote` and `rollback`."""
    app.command("promote")(_promote)
    app.command("rollback")(_rollback)


TenantArgument = Annotated[str, typer.Argument(help="whose champion")]
ByOption = Annotated[str, typer.Option(help="who decides, for the history: a role or a pseudonym")]


def _promote(
    tenant: TenantArgument, learner: Annotated[str, typer.Argument(help="prox, or one of the tenant's challengers")], by: ByOption = BY_HAND
) -> None:
    """Have a tenant's scores follow this learner from now on."""
    choose(Settings.from_environment(), tenant, learner, by=by)
    Console().print(f"asked for: {learner} is to be champion of {tenant}; the metric `champion` says when it is", markup=False)


def _rollback(tenant: TenantArgument, by: ByOption = BY_HAND) -> None:
    """Have a tenant's scores follow the learner again that they followed before the last change."""
    choose(Settings.from_environment(), tenant, THE_ONE_BEFORE, by=by)
    Console().print(f"asked for: the champion before is to be champion of {tenant} again; the metric `champion` says when it is", markup=False)
