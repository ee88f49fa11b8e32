"""River's own checks of a binary classifier."""

from collections.abc import Callable
from typing import Any

import pytest
from river import checks

from models.learning.classifier import HazardClassifier

CHECKS = list(checks.yield_checks(HazardClassifier()))


@pytest.mark.parametrize("check", CHECKS, ids=[check.__name__ for check in CHECKS])
def test_the_learner_is_a_river_classifier(check: Callable[[Any], None]):
    """None is skipped."""
    check(HazardClassifier())
