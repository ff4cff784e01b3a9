"""The table of backends in the documents is that of the declared rows."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from write_backend_docs import PAGE, TABLES, rows, written


def test_the_page_is_up_to_date() -> None:
    page = PAGE.read_text()
    assert written(page) == page, "run: python tools/write_backend_docs.py"


def test_every_row_of_every_table_is_there() -> None:
    page = PAGE.read_text()
    for option, table in TABLES.items():
        assert len(rows(option)) >= len(table)
        for backend in table:
            assert f"`{option} {backend.name}`" in page


def test_other_rows_stay() -> None:
    page = PAGE.read_text().replace("`--speech mel`", "`--speech before`")
    again = written(page)
    assert again == PAGE.read_text()
    assert "`--parsing bisenet`" in again
