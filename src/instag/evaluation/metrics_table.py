"""The numbers of a measurement as one flat table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, final

from instag.evaluation.not_measured import NotMeasured

Better = Literal["more", "less", "one", "zero", "truth", ""]
"""Which value is better: more, less, near 1, near 0, near the truth's, or none."""
Number = float | int | NotMeasured


@final
@dataclass(frozen=True, kw_only=True)
class Row:
    """One number. key: its name in files. truth: what the true frames give, where that tells
    something."""

    group: str
    key: str
    label: str
    unit: str = ""
    better: Better = ""
    value: Number
    truth: Number | None = None

    @property
    def name(self) -> str:
        """The label with its unit."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


@final
@dataclass(frozen=True, kw_only=True)
class Metrics:
    """A whole table. about: what was measured and on which machine, as names and texts."""

    about: dict[str, str]
    rows: Sequence[Row]

    def row(self, key: str) -> Row | None:
        """The row of a name, or None."""
        return next((row for row in self.rows if row.key == key), None)
