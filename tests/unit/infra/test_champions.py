import pytest

from infra.champions import check
from infra.settings import TenantSettings
from schemas.champion_choice import THE_ONE_BEFORE
from schemas.errors import ConfigError
from schemas.policy import TenantPolicy

POLICY = TenantPolicy(challengers=("slow",))


@pytest.mark.parametrize("learner", ["prox", "slow", THE_ONE_BEFORE])
def test_a_learner_of_the_tenant_may_be_chosen(learner: str):
    """And so may the one before, whichever it was."""
    check(POLICY, "acme", learner)


@pytest.mark.parametrize(("learner", "said"), [("fast", "add it to `challengers` of"), ("best", "it has prox, slow$")])
def test_another_is_refused_before_it_is_published(learner: str, said: str):
    """Saying which there are, and where to enter one that the tenant could have."""
    with pytest.raises(ConfigError, match=said):
        check(POLICY, "acme", learner)


def test_settings_refuse_a_challenger_that_nobody_knows():
    """At start-up, naming those that there are."""
    with pytest.raises(ValueError, match="no challenger best; there are slow, fast, plain"):
        TenantSettings(challengers=("slow", "best"))
