"""The table of people: which clips show one person, and how late each clip's sound is."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import final

UNKNOWN_DELAY_MS = 0.0


@final
@dataclass(frozen=True, kw_only=True)
class PeopleTable:
    """By the name of a clip, without an ending. delays: in ms, None where unknown."""

    people: dict[str, str]
    delays: dict[str, float | None]

    def delay_ms(self, name: str) -> float:
        """Of a clip's sound; where the table lacks it, the median of the person's others."""
        given = self.delays.get(name)
        if given is not None:
            return given
        others = [
            delay
            for other, delay in self.delays.items()
            if delay is not None and self.people[other] == self.people.get(name)
        ]
        return median(others) if others else UNKNOWN_DELAY_MS

    def person(self, name: str, together: Sequence[str] = ()) -> str:
        """Who a clip shows: the beginning of its name that `together` holds, else the table's
        person, else the clip's own name. A person NAME_same_as_OTHER is OTHER."""
        person = self.people.get(name, name).partition("_same_as_")
        known = person[2] or person[0]
        return next((start for start in together if known.startswith(start)), known)


def read_people(path: Path | None) -> PeopleTable:
    """From a CSV file with the columns file, person and delay_ms; without one, an empty table."""
    if path is None:
        return PeopleTable(people={}, delays={})
    with path.open(newline="", encoding="utf-8") as file:
        rows = {Path(row["file"]).stem: row for row in csv.DictReader(file)}
    return PeopleTable(
        people={name: row["person"] for name, row in rows.items()},
        delays={
            name: float(row["delay_ms"]) if row["delay_ms"] else None for name, row in rows.items()
        },
    )
