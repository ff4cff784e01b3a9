"""The page of public names is that of the sources."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from write_reference import PAGE, definition, page, signature_of

import instag


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run: python tools/write_reference.py"


def test_every_public_name_is_there() -> None:
    written = PAGE.read_text()
    for name in instag.__all__:
        if name != "__version__":
            assert f"### {name}\n" in written or f"- `{name}` " in written


def test_a_signature_is_that_of_the_source() -> None:
    function = definition("instag.capture.prepare", "prepare")
    assert signature_of(function, "instag.prepare").startswith(
        "instag.prepare(\n    video: Path | str,\n    output: Path | str,\n"
    )
