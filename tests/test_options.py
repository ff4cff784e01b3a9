"""Options carry their help text and limits, and are checked where they are made."""

from dataclasses import dataclass, fields

import pytest

from instag.errors import BadArgument
from instag.options import check_limits, option, option_info


@dataclass(frozen=True, kw_only=True)
class Wall:
    height: float = option(2.5, "How high it is, in metres.", minimum=0.5, maximum=10)
    paint: str = option("lime", "What covers it.", choices=("lime", "oil"))
    layers: int | None = option(None, "How many coats.", minimum=1)
    name: str = "north"

    def __post_init__(self) -> None:
        check_limits(self)


def test_a_field_is_an_option_with_a_default() -> None:
    assert Wall() == Wall(height=2.5, paint="lime", layers=None)
    height, paint, _, name = map(option_info, fields(Wall))
    assert height is not None
    assert height.full_help == "How high it is, in metres."
    assert paint is not None
    assert paint.full_help == "What covers it. One of: lime, oil."
    assert name is None


@pytest.mark.parametrize("wrong", [{"height": 0.25}, {"height": 11}, {"layers": 0}])
def test_numbers_outside_their_limits_are_bad_arguments(wrong: dict[str, float]) -> None:
    with pytest.raises(BadArgument, match=next(iter(wrong))):
        Wall(**wrong)  # type: ignore[arg-type]
