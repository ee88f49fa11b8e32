import pytest

from models.dataset.manifest import Manifest
from schemas.errors import ConfigError
from schemas.policy import DAY_MS, TenantPolicy
from tests.unit.dataset.small import EVENTS, LEADS, LEADS_TABLE, TABLE, changed, small


def refusal(manifest: str, table: str = TABLE, **files: str | bytes) -> str:
    with pytest.raises(ConfigError) as caught:
        small(manifest, table, **files)
    return str(caught.value)


def loaded(manifest: str = EVENTS, table: str = TABLE) -> Manifest:
    return small(manifest, table).manifest


WRONG = [
    ("manifest = 1", "manifest = 2", "knows version 1"),
    ("manifest = 1", "", "knows version 1"),
    ("manifest = 1", "manifest = 1\nflavour = 'sweet'", "flavour"),
    ('path = "table.csv"', 'path = "table.csv"\nquote = "x"', "file.quote"),
    ('column = "lead"', 'column = "lead"\nrow = true', "either column or row"),
    ('path = "table.csv"', 'path = "gone.csv"', "gone.csv"),
    ('mode = "events"', 'mode = "events"\ncrosses = [["size", "shoe"]]', "unknown feature 'shoe'"),
    ('mode = "events"', 'mode = "events"\ncrosses = [["size", "place", "event.type"]]', "crosses"),
    ('"call" = "phone"', '"c*" = "phone", "*all" = "line"', "type 'call' has 2 channels"),
    ('"call" = "phone", ', "", "type 'call' has 0 channels"),
    ('type_column = "type"', 'type_column = "type"\ntype = "x"', "either type or type_column"),
    ('kind = "numeric"', 'kind = "categorical", transform = "log1p"', "for kind 'numeric'"),
    ('kind = "numeric"', 'kind = "numeric", step = 5', "step means nothing"),
    ('kind = "categorical"', 'kind = "categorical", transform = "prefix"', "needs length"),
    ('lost = ["declined"]', 'lost = ["declined"]\nrepeatable = true', "not allowed where the outcome is repeatable"),
    ('lost = ["declined"]', 'lost = ["bought"]', "both converted and lost"),
    ("horizon_days = 30", 'horizon_days = 30\nknown = "at_once"', "outcome.known"),
    ('from = "events"', 'from = "column"', "mode 'events'"),
    ('column = "place"', 'column = "plaice"', "no column 'plaice'"),
    ('place = { column = "place", kind = "categorical", scope = "event" }', "", "'place' is neither used nor dropped"),
    ('kind = "categorical", scope = "event"', 'kind = "numeric", scope = "event"', "row 0"),
    ('path = "table.csv"', 'path = "table.csv"\nheader = ["a", "a"]', "stand twice"),
    ('path = "table.csv"', 'path = "table.csv"\nheader = ["a", "b"]', "not 2 fields"),
    ('path = "table.csv"', 'path = "table.csv"\nencoding = "klingon"', "klingon"),
    ('path = "table.csv"', 'path = "table.csv"\nsum = ["size"]', "belong together"),
    ('format = "iso8601"', 'format = "%d.%m.%Y"', "no time of format"),
    ("[outcome]", '[memory]\nmeans = ["place"]\n[outcome]', "no numeric attribute"),
    ("[outcome]", '[memory]\nfeatures = ["decayed"]\n[outcome]', "needs decay_days"),
    ("[outcome]", '[memory]\nfeatures = ["mood"]\n[outcome]', "memory.features"),
    ("[outcome]", '[calendar]\ntimezone = "Europe/Berlin"\n[outcome]', "calendar.timezone"),
]


@pytest.mark.parametrize(("old", "new", "told"), WRONG, ids=[told for _, _, told in WRONG])
def test_a_wrong_manifest_is_refused_and_says_why(old: str, new: str, told: str):
    """Whatever a manifest says that the reader cannot keep, it is refused before a record is made."""
    assert told in refusal(changed(EVENTS, old, new))


def test_all_problems_are_told_at_once():
    """Who writes a manifest mends it in one go."""
    wrong = changed(changed(EVENTS, 'scope = "profile"', 'scope = "house"'), 'kind = "timestamp"', 'kind = "timestamp"\nzone = "x"')
    told = refusal(wrong)

    assert (True, True) == ("zone" in told, "scope" in told)


def test_a_manifest_that_is_no_toml_is_refused():
    """A syntax error is told with its line."""
    assert "no TOML" in refusal("manifest = ")


def test_an_outcome_that_means_nothing_is_refused():
    """A value that is neither converted nor lost is not guessed at."""
    assert "'maybe'" in refusal(LEADS, changed(LEADS_TABLE, "fair,no", "fair,maybe"))


def test_a_second_row_of_a_lead_is_refused_where_a_row_is_a_lead():
    """Mode leads is one row per lead."""
    assert "second row" in refusal(LEADS, changed(LEADS_TABLE, "8,", "7,"))


def test_the_policy_is_taken_from_the_manifest():
    """A live system needs the horizon, the types that are not scored, and whether leads convert again."""
    manifest = loaded(changed(EVENTS, "[outcome]", '[score]\nskip_types = ["visit"]\n[outcome]'))

    assert TenantPolicy(30 * DAY_MS, frozenset({"visit"}), is_repeatable=False) == manifest.policy


def test_without_a_horizon_there_is_no_window():
    """An outcome that is known for every lead needs no window."""
    assert loaded(LEADS, LEADS_TABLE).policy.window_ms is None


def test_features_are_named_in_order():
    """Crosses name features as the reference run does."""
    hints = '[memory]\nunit = "day"\nfeatures = ["age", "gap"]\ncount_types = ["call"]\nmeans = ["size"]\n[calendar]\nfeatures = ["month"]\n[outcome]'
    named = loaded(changed(EVENTS, "[outcome]", hints)).feature_names

    assert ["event.type", "size", "place", "memory.age", "memory.gap", "memory.mean.size", "calendar.month", "memory.count.call"] == named
