"""The table of backends in the documents is that of the declared rows."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from write_backend_docs import PAGE, TABLES, written

from instag.capture.backends import CHOICES
from instag.rendering.registry import RENDERERS
from instag.speech.registry import FRONT_ENDS
from instag.synthesis.sinks import SINKS


def test_the_page_is_up_to_date() -> None:
    page = PAGE.read_text()
    assert written(page) == page, "run: python tools/write_backend_docs.py"


def test_every_row_of_every_table_is_there() -> None:
    page = PAGE.read_text()
    for table in TABLES:
        for row in table.rows:
            assert f"`{table.form.format(row.name)}`" in page


def test_every_declared_table_is_there() -> None:
    listed = [row for table in TABLES for row in table.rows]
    for declared in (*(choice.rows for choice in CHOICES), FRONT_ENDS, RENDERERS, SINKS):
        assert all(row in listed for row in declared)


def test_what_lies_around_the_table_stays() -> None:
    page = PAGE.read_text()
    again = written(page.replace("`--speech mel`", "`--speech before`"))
    assert again == page
    assert "## How to add one" in again
