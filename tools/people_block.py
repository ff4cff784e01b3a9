"""The blocks of documents that show heads of many people: a sentence that says how they were
learned, and a table."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from benchmarks.people_columns import MAIN, SHORT
from benchmarks.people_tables import Result, mean_and_worst, person_means, table

FACTS = re.compile(
    r"Recipe\s+`[^`]+`,\s+(?P<people>\d+\s+people,\s+)?(?P<means>means\s+of\s+)?\w+\s+seeds?,\s+"
    r"[^,]+,\s+\d{4}-\d\d-\d\d(?:\s+to\s+\d{4}-\d\d-\d\d)?"
)
"""The part of the sentence that results state. All else around it is the author's."""
PEOPLE = re.compile(r"(Heads\s+of\s+)\d+(\s+people)")
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def read_results(paths: Sequence[Path]) -> list[Result]:
    """What `python -m benchmarks.people` wrote: all heads of a run (people.json), or one. Raises
    SystemExit where a head failed, or has no such record, and where people differ in their
    seeds."""
    results = [result for path in paths for result in _results_of(path)]
    for result in results:
        named = f"{result.name}, seed {result.seed}"
        if result.error:
            raise SystemExit(f"{named}, has no numbers: {result.error}")
        if not (result.recipe and result.device and result.date):
            raise SystemExit(
                f"{named}: the result does not name recipe, device and date. Add them to the file, "
                "or measure the head again."
            )
    seeds = {name: sorted(r.seed for r in results if r.name == name) for name in _names(results)}
    wanted = sorted({result.seed for result in results})
    if any(each != wanted for each in seeds.values()):
        raise SystemExit(f"Not everybody has the same seeds, once each: {seeds}")
    if len({result.recipe for result in results}) > 1:
        raise SystemExit("The results are of several recipes. Give those of one.")
    return results


def main_block(old: str, results: Sequence[Result]) -> str:
    """All people, as docs/performance.md shows them. Raises ValueError where the old text lacks the
    sentence."""
    return f"{_head(old, results)}\n\n{table(results, MAIN)}\n"


def short_block(old: str, results: Sequence[Result]) -> str:
    """Mean and worst alone, as the README shows them."""
    rows = mean_and_worst(person_means(results), SHORT)
    lines = [
        f"| | {' | '.join(column.title for column in SHORT)} |",
        "|---" * (len(SHORT) + 1) + "|",
        *(
            f"| {title} | {' | '.join(cells)} |"
            for title, cells in zip(("mean", "worst person"), rows, strict=True)
        ),
    ]
    return f"{_head(old, results)}\n\n{chr(10).join(lines)}\n"


def _head(old: str, results: Sequence[Result]) -> str:
    """What stands before the table, with the facts of these results."""
    head = re.split(r"^\|", old, maxsplit=1, flags=re.MULTILINE)[0].strip()
    if not FACTS.search(head):
        raise ValueError(
            "has no words of the form: Recipe `few`, 14 people, means of two seeds, H200, "
            "2026-11-30"
        )
    stated = FACTS.sub(lambda found: _facts(found, results), head)
    return PEOPLE.sub(rf"\g<1>{len(_names(results))}\g<2>", stated)


def _facts(found: re.Match[str], results: Sequence[Result]) -> str:
    seeds = len({result.seed for result in results})
    counted = NUMBERS[seeds] if seeds < len(NUMBERS) else f"{seeds}"
    dates = sorted({result.date for result in results})
    devices = {result.device.removeprefix("NVIDIA ") for result in results}
    parts = [
        f"Recipe `{results[0].recipe}`",
        *([f"{len(_names(results))} people"] if found["people"] else []),
        f"{'means of ' if found['means'] else ''}{counted} seed{'s' if seeds > 1 else ''}",
        " and ".join(sorted(devices)),
        dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}",
    ]
    return ", ".join(parts)


def _names(results: Sequence[Result]) -> list[str]:
    return list(dict.fromkeys(result.name for result in results))


def _results_of(path: Path) -> list[Result]:
    content = json.loads(path.read_text())
    try:
        return [Result(**each) for each in (content if isinstance(content, list) else [content])]
    except TypeError as error:
        raise SystemExit(f"{path} is no result of benchmarks.people: {error}") from error
