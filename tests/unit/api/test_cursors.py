from base64 import urlsafe_b64encode

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import cursors
from api.problems import ProblemError

QUESTION = "acme leads"


@given(st.floats(0, 1), st.text(max_size=60))
def test_a_cursor_gives_its_position_back(propensity: float, lead: str):
    """To the bit, so that paging neither skips nor repeats."""
    cursor = cursors.encode(QUESTION, (propensity, lead))

    assert (propensity, lead) == cursors.decode(QUESTION, cursor, float, str)


@given(st.text(max_size=80))
def test_text_that_is_no_cursor_is_a_400(text: str):
    """Whatever is sent, the answer is a problem and not a failure."""
    with pytest.raises(ProblemError) as caught:
        cursors.decode(QUESTION, text, float, str)

    assert (400, "bad-cursor") == (caught.value.status, caught.value.kind)


@pytest.mark.parametrize("position", [(1, "a"), ("x", "a"), (0.5,), (0.5, "a", 1), (None, "a"), (0.5, ["a"])])
def test_a_position_of_another_shape_is_a_400(position: tuple):
    """A forged position is found by its types."""
    forged = urlsafe_b64encode(orjson.dumps([cursors._fingerprint(QUESTION), *position])).rstrip(b"=").decode()

    with pytest.raises(ProblemError, match="gave"):
        cursors.decode(QUESTION, forged, float, str)


def test_a_cursor_of_another_question_is_a_400():
    """A cursor is good only with the filters, the lead and the tenant it came from."""
    cursor = cursors.encode("acme leads ['A1']", (0.5, "ada"))

    with pytest.raises(ProblemError, match="other filters"):
        cursors.decode("acme leads ['B1']", cursor, float, str)


def test_a_negative_time_is_no_position():
    """No row is older than 1970."""
    with pytest.raises(ProblemError):
        cursors.decode(QUESTION, cursors.encode(QUESTION, (-1, "e")), int, str)
