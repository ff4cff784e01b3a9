"""Write what the benches measured into docs/performance.md and README.md: python
tools/write_performance.py [DOCUMENT...] [--people JSON...] [--cpu JSON...] [--gpu JSON...].

--people: the people.json of `python -m benchmarks.people`, of one run or several that measured each
person with different seeds. --cpu, --gpu: what `python -m benchmarks.whole_commands` and `python -m
benchmarks` wrote with --json, on two cores and on an H200; of several runs the least and the most
stand in a cell. A cell without a result keeps its text, so that a run on one machine does not touch
the other's.

A document has a block of each kind that is given, between the lines <!-- NAME: begin --> and
<!-- NAME: end -->: `people` or `people in short`, `times` or `times in short`. Where something does
not fit, nothing is written. What is said around numbers (folds, machines) is not a result's to say:
read it afterwards.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import people_block
import times_block
from marked_block import block_of, marks, with_block
from timed_runs import CPU, GPU, read_runs

from instag.runtime.files import write_atomic

ROOT = Path(__file__).parents[1]
DOCUMENTS = (ROOT / "docs" / "performance.md", ROOT / "README.md")
Blocks = Mapping[str, Callable[[str], str]]
"""By name: its new text, made from the old one. Blocks of one kind."""


def written(document: Path, kinds: Sequence[Blocks]) -> str:
    """The document with new blocks. Raises SystemExit where one of the kinds is not there, or does
    not fit."""
    page = document.read_text()
    for blocks in kinds:
        there = {name: old for name in blocks if (old := block_of(page, name)) is not None}
        if not there:
            begin, end = (mark.strip() for mark in marks(next(iter(blocks))))
            others = " or ".join(f'"{name}"' for name in blocks)
            raise SystemExit(
                f"{document} has no block {others}. Put the lines {begin} and {end} around what is "
                "to be written."
            )
        for name, old in there.items():
            try:
                page = with_block(page, name, blocks[name](old))
            except ValueError as error:
                raise SystemExit(f'{document}, block "{name}", {error}.') from error
    return page


def blocks_of(chosen: argparse.Namespace) -> list[Blocks]:
    """Those of the results that were given."""
    kinds: list[Blocks] = []
    if chosen.people:
        results = people_block.read_results(chosen.people)
        kinds.append(
            {
                "people": partial(people_block.main_block, results=results),
                "people in short": partial(people_block.short_block, results=results),
            }
        )
    given = ((CPU, chosen.cpu), (GPU, chosen.gpu))
    runs = {machine: read_runs(paths, machine) for machine, paths in given if paths}
    if runs:
        kinds.append(
            {
                "times": partial(times_block.main_block, runs=runs),
                "times in short": partial(times_block.short_block, runs=runs),
            }
        )
    return kinds


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("documents", type=Path, nargs="*", default=DOCUMENTS)
    parser.add_argument("--people", type=Path, nargs="+", help="of benchmarks.people")
    parser.add_argument("--cpu", type=Path, nargs="+", help="of two cores")
    parser.add_argument("--gpu", type=Path, nargs="+", help="of an H200")
    chosen = parser.parse_args(given)
    results = [chosen.people, chosen.cpu, chosen.gpu]
    files = [*chosen.documents, *(path for each in results for path in each or ())]
    if missing := [str(path) for path in files if not path.is_file()]:
        parser.error(f"No such file: {', '.join(missing)}.")
    kinds = blocks_of(chosen)
    if not kinds:
        parser.error("Give results: --people, --cpu or --gpu.")
    pages = {document: written(document, kinds) for document in chosen.documents}
    for document, page in pages.items():
        write_atomic(document, page)


if __name__ == "__main__":
    main()
