import pytest

from instag.errors import BadArgument
from instag.media.timecode import clock, seconds_of


@pytest.mark.parametrize(
    "text, seconds", [("12.5", 12.5), ("0:12.5", 12.5), ("1:02:03", 3723), (" 2:00 ", 120)]
)
def test_times_are_read(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "a", "-1", "1:2:3:4", "1:-2", "nan", "inf", "1:"])
def test_what_is_no_time_is_said(text: str) -> None:
    with pytest.raises(BadArgument, match=r"is no time. Give seconds"):
        seconds_of(text)


def test_a_frame_is_shown_as_it_is_read() -> None:
    assert seconds_of(clock(1510)) == pytest.approx(1510 / 25)
