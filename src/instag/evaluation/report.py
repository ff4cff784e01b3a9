"""The report of an evaluation: metrics.json, metrics.csv, and a page with the numbers, the curves,
and sample frames."""

from itertools import groupby
from pathlib import Path

from instag.evaluation.evaluate import Evaluation
from instag.evaluation.html_page import (
    Block,
    Figures,
    Heading,
    Page,
    Paragraph,
    Picture,
    Table,
    write_page,
)
from instag.evaluation.measure import Measurement
from instag.evaluation.metrics_files import save_metrics
from instag.evaluation.metrics_table import Metrics, Row
from instag.evaluation.not_measured import NotMeasured
from instag.evaluation.number_format import brief, shown, unmeasured
from instag.evaluation.paper_results import NOTE, ROWS, SIZE, TAUGHT
from instag.evaluation.picture_sheets import ERROR_GAIN, error_sheet, mouth_sheet
from instag.evaluation.rendering_files import remove_marks
from instag.evaluation.report_charts import histograms, lip_charts, psnr_chart

HEADLINE = (
    ("psnr_full", "PSNR, whole picture (dB)"),
    ("ssim_full", "SSIM, whole picture"),
    ("lpips_full", "LPIPS, whole picture"),
    ("lmd_percent", "LMD, % of eye distance"),
    ("aperture_correlation", "lips open with the true ones (correlation)"),
    ("aperture_lag", "lag of the lips (frames)"),
)
BETTER = {
    "more": "more",
    "less": "less",
    "one": "near 1",
    "zero": "near 0",
    "truth": "near truth",
    "": "",
}
"""Which value is better, in words."""


def write_report(evaluation: Evaluation, folder: Path | str) -> Path:
    """Write all three files into the folder and return the page. Raises DiskFull."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    save_metrics(evaluation.metrics, folder)
    remove_marks(folder)
    return write_page(report_page(evaluation), folder / "report.html")


def report_page(evaluation: Evaluation) -> Page:
    """The page, with nothing outside of it."""
    metrics, measured = evaluation.metrics, evaluation.measured
    blocks: list[Block] = [Figures(values=headline_numbers(metrics))]
    if "note" in metrics.about:
        blocks.append(Paragraph(text=metrics.about["note"]))
    for group, rows in groupby(metrics.rows, key=lambda row: row.group):
        blocks += [Heading(text=group), *_table(list(rows))]
    blocks += [
        Heading(text="Beside what others published"),
        *_published(metrics),
        Heading(text="Lips over time"),
        *lip_charts(measured),
        Heading(text="Likeness over time"),
        psnr_chart(measured),
        *_frames(measured),
        Heading(text="How often"),
        *histograms(measured),
        Heading(text="Made with"),
        _about_table(metrics),
    ]
    return Page(
        title=f"How near is {metrics.about['prediction']}?",
        lead=f"Measured against {metrics.about['truth']}, frame by frame.",
        blocks=blocks,
    )


def headline_numbers(metrics: Metrics) -> list[tuple[str, str]]:
    """(number, what it is) of the few that matter, those that were measured."""
    rows = [(metrics.row(key), label) for key, label in HEADLINE]
    return [
        (shown(row.value), label)
        for row, label in rows
        if row is not None and not isinstance(row.value, NotMeasured)
    ]


def _about_table(metrics: Metrics) -> Table:
    rows = [(name, text) for name, text in metrics.about.items() if name != "note"]
    return Table(head=("What", "Which"), rows=rows)


def published_table(metrics: Metrics) -> Table:
    """This table's numbers beside those of papers, where both have one."""
    keys = dict.fromkeys(key for published in ROWS for key in published.numbers)
    found = {key: row for key in keys if (row := metrics.row(key)) is not None}
    rows = [
        (
            row.name,
            brief(row.value),
            *(shown(published.numbers.get(key)) or "-" for published in ROWS),
        )
        for key, row in found.items()
    ]
    return Table(
        head=("", "this", *(f"{published.name}, as published" for published in ROWS)), rows=rows
    )


def _published(metrics: Metrics) -> list[Block]:
    """Their numbers, only where size and protocol are theirs."""
    if (metrics.about.get("size"), metrics.about.get("taught")) != (SIZE, TAUGHT):
        text = (
            f"Published numbers are of pictures of {SIZE} pixels and of {TAUGHT} of taught video: "
            "they are not shown beside these."
        )
        return [Paragraph(text=text, small=True)]
    return [published_table(metrics), Paragraph(text=_published_note(), small=True)]


def _published_note() -> str:
    return (
        f"{NOTE} Their action units are OpenFace's, their landmarks another detector's, and their "
        "pictures went through a video file first: "
        "compare the order of magnitude only. TalkingGaussian's table is not at "
        "hand: not shown."
    )


def _table(rows: list[Row]) -> list[Block]:
    """The rows, and under them why some have no number."""
    cells = [(row.name, brief(row.value), brief(row.truth), BETTER[row.better]) for row in rows]
    return [
        Table(head=("", "measured", "truth", "better"), rows=cells),
        *(Paragraph(text=text, small=True) for text in unmeasured(rows)),
    ]


def _frames(measured: Measurement) -> list[Block]:
    samples = measured.samples
    caption = (
        f"True, predicted, and their difference times {ERROR_GAIN}; "
        f"by PSNR of the {samples.place}: "
    )
    blocks: list[Block] = [Heading(text="Frames")]
    for name, chosen in (("The worst frames", samples.worst), ("The best frames", samples.best)):
        if chosen:
            listed = ", ".join(
                f"frame {sample.pair.index} ({sample.psnr:.1f} dB)" for sample in chosen
            )
            blocks.append(Picture(image=error_sheet(chosen), caption=f"{name}. {caption}{listed}."))
    if samples.mouths:
        blocks += [
            Heading(text="Mouths"),
            Picture(
                image=mouth_sheet(samples.mouths),
                caption=(
                    "At even steps in time; in each pair of rows the true mouth above, the "
                    "predicted one below."
                ),
            ),
        ]
    return blocks
