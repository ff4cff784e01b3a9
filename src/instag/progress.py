"""Progress of long work, as a function that the caller hands in: the library itself prints nothing."""

from collections.abc import Callable

Report = Callable[[int, int], None]
"""Called with (done, total) while the work goes on."""


def silent(done: int, total: int) -> None:
    """The report that shows nothing."""
