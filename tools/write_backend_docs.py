"""Fill the table of backends in docs/backends.md from the declared tables: python
tools/write_backend_docs.py.

A row of an option whose table is not declared here stays as it is written.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from instag.assets import store
from instag.assets.backend import Backend
from instag.assets.registry import Asset
from instag.speech.registry import ANY_CTC, ANY_CTC_HELP, FRONT_ENDS

PAGE = Path(__file__).parents[1] / "docs" / "backends.md"
BEGIN, END = "<!-- backends: begin -->\n", "<!-- backends: end -->"
TABLES: dict[str, Sequence[Backend[Any]]] = {"--speech": FRONT_ENDS}
"""Declared tables by the option that chooses from them."""
OTHER_ROWS = {"--speech": (f"| `--speech {ANY_CTC}NAME` | {ANY_CTC_HELP} | that model | |",)}
"""Choices that are a form of name, not a row."""


def written(page: str) -> str:
    """The page with its table filled. Raises ValueError where it has no such block."""
    before, rest = page.split(BEGIN)
    block, after = rest.split(END)
    kept = [line for line in block.splitlines() if _option(line) not in TABLES]
    lines = [*kept, *(line for option in TABLES for line in rows(option))]
    return before + BEGIN + "".join(f"{line}\n" for line in lines) + END + after


def rows(option: str) -> list[str]:
    """Lines of one table, as | option | does | file | time |."""
    lines = [
        f"| `{option} {backend.name}` | {backend.help} | {_files(backend)} | |"
        for backend in TABLES[option]
    ]
    return lines + list(OTHER_ROWS.get(option, ()))


def _option(line: str) -> str:
    """The option of a line of the table; empty for its head."""
    words = line.removeprefix("| `").split()
    return words[0] if line.startswith("| `--") else ""


def _files(backend: Backend[Any]) -> str:
    return ", ".join(_file(store.named(name)) for name in backend.assets) or "-"


def _file(asset: Asset) -> str:
    size = sum(source.mib for source in asset.sources)
    licence = asset.sources[0].licence.split(" (")[0]
    return f"`{asset.name}` ({size:,.0f} MiB, {licence})"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
