"""Fill the table of backends in docs/backends.md from the declared tables: python
tools/write_backend_docs.py."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marked_block import with_block

from instag.assets import store
from instag.assets.backend import Backend
from instag.assets.registry import Asset
from instag.capture.backends import CHOICES, Choice
from instag.rendering.registry import RENDERERS
from instag.speech.registry import ANY_CTC, ANY_CTC_HELP, FRONT_ENDS
from instag.synthesis.sinks import SINKS

PAGE = Path(__file__).parents[1] / "docs" / "backends.md"
BLOCK = "backends"
HEAD = "| job | choose by | does | needs |\n|---|---|---|---|\n"
NOTHING = "-"
ANY_CTC_ROW = Backend(name=f"{ANY_CTC}NAME", help=ANY_CTC_HELP, load=str)
"""A form of name that is no row of the front ends' table."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A declared table. job: what its rows do. form: how a row is chosen, with its name in {}.
    default: the row that is taken where nothing is chosen."""

    job: str
    form: str
    rows: Sequence[Backend[Any]]
    default: str = ""

    def lines(self) -> Iterator[str]:
        """One line for each row."""
        for row in self.rows:
            chosen = f"`{self.form.format(row.name)}`" + (" *" if row.name == self.default else "")
            yield f"| {self.job} | {chosen} | {row.help} | {needs(row)} |\n"


def of_choice(choice: Choice) -> Table:
    """A table of the observation, its row for files included."""
    rows = [*choice.rows, *([choice.file] if choice.file else [])]
    form = f"--{choice.option} {{}}"
    return Table(job=choice.help.lower(), form=form, rows=rows, default=choice.default)


TABLES = (
    *map(of_choice, CHOICES),
    Table(job="speech front end", form="--speech {}", rows=(*FRONT_ENDS, ANY_CTC_ROW)),
    Table(job="renderer", form="{}", rows=RENDERERS),
    Table(job="sink", form='sink="{}"', rows=SINKS, default=SINKS[0].name),
)
"""All tables, in the order of the page."""


def written(page: str) -> str:
    """The page with its table filled. Raises ValueError where it has no such block."""
    lines = (line for table in TABLES for line in table.lines())
    return with_block(page, BLOCK, HEAD + "".join(lines))


def needs(row: Backend[Any]) -> str:
    """The files and the optional packages of a row."""
    files = [_file(store.named(name)) for name in row.assets]
    packages = [f'`pip install "instag[{row.extra}]"`'] if row.extra else []
    return ", ".join(files + packages) or ("that model" if row is ANY_CTC_ROW else NOTHING)


def _file(asset: Asset) -> str:
    size = sum(source.mib for source in asset.sources)
    licence = asset.sources[0].licence.split(" (")[0]
    return f"`{asset.name}` ({size:,.{0 if size >= 10 else 1}f} MiB, {licence})"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
