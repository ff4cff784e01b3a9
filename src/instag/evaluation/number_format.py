"""Numbers of a report as text, and why some are not there."""

from collections.abc import Sequence

from instag.evaluation.metrics_table import Number, Row
from instag.evaluation.not_measured import NotMeasured


def shown(value: Number | None) -> str:
    """A number for a reader: three to four digits that count."""
    if value is None:
        return ""
    if isinstance(value, NotMeasured):
        return str(value)
    if isinstance(value, int) or value == round(value):
        return f"{round(value):,}"
    if abs(value) < 0.0005:
        return f"{value:.1g}"  # what is not zero must not look like it
    digits = 1 if abs(value) >= 100 else 2 if abs(value) >= 10 else 3
    return f"{value:,.{digits}f}"


def brief(value: Number | None) -> str:
    """`shown` for a narrow column: "not measured" without its reason, which `unmeasured` gives."""
    return "not measured" if isinstance(value, NotMeasured) else shown(value)


def unmeasured(rows: Sequence[Row]) -> list[str]:
    """Why rows have no number: a sentence for each reason, which names its rows."""
    named: dict[str, list[str]] = {}
    for row in rows:
        if isinstance(row.value, NotMeasured):
            named.setdefault(row.value.reason, []).append(row.label)
        if isinstance(row.truth, NotMeasured) and row.truth != row.value:
            named.setdefault(row.truth.reason, []).append(f"{row.label} of the truth")
    return [
        f"Not measured: {'; '.join(labels)}. Why: {reason.rstrip('.')}."
        for reason, labels in named.items()
    ]
