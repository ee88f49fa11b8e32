"""An event's own words and numbers as features."""

import sys

from models.features.attributes import ATTRIBUTE_LIMIT, CACHE_LIMIT, Attributes
from models.features.vector import LOW, categorical_id, numeric_id
from schemas.event import Event
from tests.builders import an_event, enriched, updated_profile


def features(event: Event, *before: Event) -> dict[str | None, float]:
    """Name → value of the event's own features."""
    attributes = Attributes()
    ids: list[int] = []
    values: list[float] = []
    attributes.append(enriched(*before, event)[-1], ids, values)
    return {attributes.name_of.get(feature_id): value for feature_id, value in zip(ids, values, strict=True)}


def test_a_text_is_a_category_that_is_present():
    """Its name holds the value, so that each value has a weight of its own."""
    assert {"plan=pro": 1.0} == features(an_event(properties={"plan": "pro"}))


def test_a_number_is_its_logarithm_with_its_sign():
    """Absurd numbers stay small, and none changes its side."""
    assert {"loss": -2.0794415416798357, "amount": 709.782712893384} == features(an_event(properties={"loss": -7.0, "amount": sys.float_info.max}))


def test_numbers_that_are_none_are_left_out():
    """NaN and the infinities say nothing."""
    assert {"ok": 0.0} == features(an_event(properties={"a": float("nan"), "b": float("inf"), "c": float("-inf"), "ok": 0.0}))


def test_the_profile_has_names_of_its_own():
    """A trait and a property of one name are two features."""
    assert {"profile.plan=pro": 1.0, "plan=free": 1.0} == features(an_event(properties={"plan": "free"}), updated_profile(plan="pro"))


def test_properties_give_the_same_features_in_whatever_order_they_come():
    """A producer's order of fields means nothing."""
    one, other = an_event(properties={"a": "x", "b": 1.0, "c": "y"}), an_event(properties={"c": "y", "b": 1.0, "a": "x"})

    assert list(features(one).items()) == list(features(other).items())


def test_an_event_has_so_many_attributes_at_most():
    """Beyond the limit the rest is left out, by name and not by chance."""
    assert {f"n{i:04}": 0.0 for i in range(ATTRIBUTE_LIMIT)} == features(an_event(properties={f"n{i:04}": 0.0 for i in reversed(range(999))}))


def test_an_id_names_its_attribute_and_its_value():
    """The upper half is the attribute's, the lower the value's; a number has none."""
    ids: list[int] = []
    Attributes().append(enriched(an_event(properties={"plan": "pro", "amount": 1.0}))[0], ids, [])

    assert [categorical_id("plan", "pro"), numeric_id("amount")] == ids
    assert (categorical_id("plan", "free") >> 32, 0) == (ids[0] >> 32, ids[1] & LOW)


def test_names_of_attributes_make_room_and_those_of_types_stay():
    """Memory of words is bounded; a type is named as long as a lead may remember it."""
    attributes = Attributes()
    attributes.type_id("page_viewed")
    of_type = set(attributes.name_of.values())
    many = {f"n{i}": 1.0 for i in range(CACHE_LIMIT)}
    attributes.append(enriched(an_event(properties=many))[0], [], [])
    attributes.make_room()

    assert {"event=page_viewed", "previous_event=page_viewed", "events_of_type=page_viewed"} == of_type == set(attributes.name_of.values())
    assert attributes.type_id("page_viewed") == attributes.type_id("page_viewed")


def test_a_full_cache_is_not_emptied_before_its_time():
    """With room left, nothing is forgotten."""
    attributes = Attributes()
    attributes.append(enriched(an_event(properties={"plan": "pro"}))[0], [], [])
    attributes.make_room()

    assert ["plan=pro", "plan"] == list(attributes.name_of.values())
