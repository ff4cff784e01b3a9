"""Reports side by side: the best of each row, what is missing, and whether they can be compared at
all."""

import json
from dataclasses import replace
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.talk import evaluation, faceless, perfect
from instag.errors import BadArgument, FileMissing
from instag.evaluation.compare import (
    BEST,
    best_of,
    compare_reports,
    comparison_page,
    headline_table,
)
from instag.evaluation.html_page import Paragraph, Table
from instag.evaluation.metrics_files import load_metrics, save_metrics
from instag.evaluation.metrics_table import Better, Metrics, Row
from instag.evaluation.not_measured import NotMeasured


def row(
    better: Better, value: float | NotMeasured = 0.0, truth: float | None = None, key: str = "a"
) -> Row:
    return Row(
        group="Group", key=key, label=f"label of {key}", better=better, value=value, truth=truth
    )


@pytest.mark.parametrize(
    "better, values, best",
    [
        ("more", [1.0, 3.0, 2.0], 1),
        ("less", [1.0, 3.0, 2.0], 0),
        ("one", [0.2, 1.3, 0.9], 2),
        ("zero", [-1, 2, 5], 0),
        ("truth", [4.0, 5.5, 9.0], 1),
        ("", [1.0, 2.0], None),
        ("more", [2.0, 2.0, 1.0], None),
        ("more", [2.0, None, NotMeasured("lost")], None),
        ("less", [None, 2.0, 1.0], 2),
    ],
)
def test_the_best_is_the_one_that_is_better_than_all_others(better, values, best):
    assert best_of(row(better), values, [5.0] * len(values)) == best


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=5, unique=True), st.floats(-10, 10))
def test_nearest_to_the_truth_is_best(values, truth):
    best = best_of(row("truth"), values, [truth] * len(values))
    distances = [abs(value - truth) for value in values]
    assert best is None or distances[best] == min(distances)
    assert best_of(row("truth"), values, [None] * len(values)) is None


def metrics(*rows: Row, truth: str = "me.mp4, frames 0 to 9") -> Metrics:
    return Metrics(about={"truth": truth}, rows=rows)


def cells(entries) -> dict[str, tuple[str, ...]]:
    table = next(block for block in comparison_page(entries).blocks if isinstance(block, Table))
    assert len({len(each) for each in table.rows} | {len(table.head)}) == 1
    return {each[0]: tuple(each[1:]) for each in table.rows}


def test_the_best_is_marked_and_the_truth_stands_at_the_end():
    found = cells([("A", metrics(row("less", 2.0, 0.0))), ("B", metrics(row("less", 1.5, 0.0)))])
    assert found["label of a"] == ("2", f"1.500\N{NO-BREAK SPACE}{BEST}", "0")


def test_what_reads_alike_is_not_better():
    assert cells([("A", metrics(row("more", 27.111))), ("B", metrics(row("more", 27.114)))])[
        "label of a"
    ] == ("27.11", "27.11", "")


def test_missing_and_absent_numbers_are_told_apart_and_the_reason_is_below():
    entries = [
        ("A", metrics(row("more", 2.0), row("more", 1.0, key="b"))),
        ("B", metrics(row("more", NotMeasured("no <weights>")))),
    ]
    found = cells(entries)
    assert found["label of a"] == ("2", "not measured", "")
    assert found["label of b"] == ("1", "-", "")
    assert (
        "B. Not measured: label of a. Why: no &lt;weights&gt;." in comparison_page(entries).html()
    )


def test_other_truths_are_said():
    def notes(*truths: str) -> list[str]:
        page = comparison_page(
            [
                (str(number), metrics(row("more", 1.0, float(number)), truth=truth))
                for number, truth in enumerate(truths)
            ]
        )
        return [block.text for block in page.blocks if isinstance(block, Paragraph)]

    assert notes("me.mp4", "me.mp4") == []
    assert notes("me.mp4", "you.mp4") == [
        "These were not measured against the same frames: me.mp4; you.mp4. Compare with care."
    ]
    differing = cells(
        [("A", metrics(row("truth", 1.0, 2.0))), ("B", metrics(row("truth", 1.0, 3.0)))]
    )
    assert differing["label of a"][-1] == "differs"


def test_numbers_of_different_kinds_have_no_best():
    one, other = row("less", 1.0), replace(row("less", 2.0), label="another measure")
    assert cells([("A", metrics(one)), ("B", metrics(other))]) == {
        "label of a | another measure": ("1", "2", "")
    }


def test_folders_become_one_page(tmp_path):
    for name, measured in (("a", perfect()), ("b", faceless())):
        save_metrics(evaluation(measured).metrics, tmp_path / name)
    page = compare_reports(
        [tmp_path / "a", tmp_path / "b"], tmp_path / "made" / "both.html"
    ).read_text()
    assert "<th>a</th><th>b</th><th>truth</th>" in page
    assert "http" not in page
    assert str(tmp_path) not in page
    for each in evaluation(perfect()).metrics.rows:
        assert each.label in unescape(page)


def test_two_of_one_name_are_told_apart_by_their_paths(tmp_path):
    for name in ("one/report", "other/report"):
        save_metrics(evaluation(faceless()).metrics, tmp_path / name)
    page = compare_reports(
        [tmp_path / "one" / "report", tmp_path / "other" / "report"], tmp_path / "both.html"
    ).read_text()
    assert "one/report</th>" in page


def test_one_report_is_too_few_and_none_is_missing(tmp_path):
    save_metrics(evaluation(faceless()).metrics, tmp_path / "a")
    with pytest.raises(BadArgument, match="two or more"):
        compare_reports([tmp_path / "a"], tmp_path / "page.html")
    with pytest.raises(FileMissing, match=r"metrics\.json"):
        compare_reports([tmp_path / "a", tmp_path / "b"], tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_the_rows_that_matter_most_as_text():
    table = headline_table(
        [("a", evaluation(perfect()).metrics), ("b", evaluation(faceless()).metrics)]
    )
    assert table[0][:2] == ("PSNR, whole picture (dB)", "100")
    assert table[-1] == ("lag of the lips (frames)", "0", "not measured")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("value", float("nan")),
        ("value", float("inf")),
        ("value", 10**400),
        ("value", True),
        ("truth", "2"),
        ("label", 5),
        ("group", None),
        ("better", []),
    ],
)
def test_a_report_of_what_are_no_numbers_is_refused(tmp_path, field, value):
    save_metrics(metrics(row("more", 30.0)), tmp_path)
    stored = json.loads((tmp_path / "metrics.json").read_text())
    stored["rows"][0][field] = value
    (tmp_path / "metrics.json").write_text(json.dumps(stored))
    with pytest.raises(BadArgument, match=r"metrics\.json is damaged"):
        load_metrics(tmp_path)


def test_texts_of_any_letters_are_one_line_in_a_comparison(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        save_metrics(metrics(row("more", 30.0)), tmp_path / name)
        path = tmp_path / name / "metrics.json"
        path.write_text(path.read_text().replace('"me.mp4, frames', r'"\ud800\u001b[31m <b>'))
    page = compare_reports([tmp_path / "one", tmp_path / "two"], tmp_path / "out").read_text()
    assert "\x1b" not in page
    assert "<b> 0 to 9" not in page
