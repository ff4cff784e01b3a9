"""Lines: what is written by hand keeps to the columns that the project's style gives it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLACES = ("src/instag", "tests", "tools", "benchmarks", "examples")
MOST_COLUMNS = 100
WRITTEN = (".py", ".js", ".css", ".html", ".svg")
ADDRESS = re.compile(r'\S*"https://\S+')
"""An address with what holds it, which cannot be broken."""


@pytest.mark.parametrize("ending", WRITTEN)
def test_no_line_is_longer_than_the_style_allows(ending: str) -> None:
    files = [path for place in PLACES for path in sorted((ROOT / place).rglob(f"*{ending}"))]
    assert files
    assert [
        f"{path.relative_to(ROOT)}:{number}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > MOST_COLUMNS and not ADDRESS.fullmatch(line.strip())
    ] == []
