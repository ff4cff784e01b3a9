"""What stands in the place of a number that could not be measured."""

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True)
class NotMeasured:
    """Not a number, and why: a sentence for the reader of a report."""

    reason: str

    def __str__(self) -> str:
        return f"not measured: {self.reason}"
