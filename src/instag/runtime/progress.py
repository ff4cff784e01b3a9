"""Progress of long work, as a function that the caller passes: the library prints nothing."""

from collections.abc import Callable

Report = Callable[[int, int], None]
"""Called with (done, total) while the work goes on."""


def silent(done: int, total: int) -> None:
    """The report that shows nothing."""


def part(report: Report, start: float, end: float) -> Report:
    """A report for work that is the share from `start` to `end` of the whole; `report` gets
    thousandths of the whole."""
    return lambda done, total: report(
        int(1000 * (start + (end - start) * done / max(total, 1))), 1000
    )
