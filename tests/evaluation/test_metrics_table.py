"""The table of numbers: what is written is read, and what was not measured is a reason and never a
zero."""

import csv
import json
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.talk import evaluation, faceless, perfect
from instag.errors import BadArgument, FileMissing
from instag.evaluation.metric_rows import rows_of, speed_rows
from instag.evaluation.metrics_files import load_metrics, save_metrics
from instag.evaluation.metrics_table import Better, Metrics, Row
from instag.evaluation.not_measured import NotMeasured
from instag.evaluation.number_format import brief, shown, unmeasured
from instag.evaluation.speed import Speed
from instag.runtime.untrusted import in_one_line

LETTERS = st.characters(codec="utf-8", exclude_categories=["Cc"])
REASONS = st.text(LETTERS, min_size=1).map(in_one_line).map(NotMeasured)
NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False), st.integers(-(10**9), 10**9), REASONS
)
TEXTS = st.text(LETTERS).map(in_one_line)
"""What is read stands on one line, whoever wrote it."""
ROWS = st.builds(
    Row,
    group=TEXTS,
    key=TEXTS,
    label=TEXTS,
    unit=TEXTS,
    better=st.sampled_from(get_args(Better)),
    value=NUMBERS,
    truth=st.one_of(st.none(), NUMBERS),
)
SPEED = Speed(
    prepare_s=NotMeasured("no"),
    adapt_s=9.5,
    rendering_fps=20.0,
    speaking_fps=15.0,
    memory_mb=900.0,
    splats_face=900,
    splats_mouth=80,
    file_mb=1.5,
)


@given(rows=st.lists(ROWS, max_size=5), about=st.dictionaries(TEXTS, TEXTS, max_size=3))
def test_what_is_saved_is_loaded(rows, about, tmp_path_factory):
    folder = tmp_path_factory.mktemp("metrics")
    save_metrics(Metrics(about=about, rows=rows), folder)
    assert load_metrics(folder) == Metrics(about=about, rows=rows)


@pytest.mark.parametrize("measured", [perfect, faceless])
def test_each_cell_of_the_csv_is_a_number_or_a_reason(measured, tmp_path):
    metrics = Metrics(about={}, rows=[*rows_of(measured()), *speed_rows(SPEED)])
    save_metrics(metrics, tmp_path)
    with (tmp_path / "metrics.csv").open(newline="") as handle:
        lines = {line["key"]: line for line in csv.DictReader(handle)}
    assert list(lines) == [row.key for row in metrics.rows]
    for row in metrics.rows:
        line = lines[row.key]
        if isinstance(row.value, NotMeasured):
            assert (line["value"], line["not measured"]) == ("", row.value.reason)
        else:
            assert float(line["value"]) == pytest.approx(row.value, rel=1e-5)
            assert line["not measured"] == ""


def test_keys_name_one_row_each_and_labels_too():
    rows = [*rows_of(perfect()), *speed_rows(SPEED)]
    assert len({row.key for row in rows}) == len(rows)
    assert len({(row.group, row.label, row.unit) for row in rows}) == len(rows)


def test_a_row_is_found_by_its_key():
    metrics = evaluation(perfect()).metrics
    found = metrics.row("psnr_full")
    assert found is not None
    assert found.value == 100
    assert metrics.row("nothing") is None


def test_what_is_not_finite_is_not_measured():
    broken = replace(
        perfect(), jitter=replace(perfect().jitter, prediction=float("nan"), truth=float("inf"))
    )
    found = next(row for row in rows_of(broken) if row.key == "jitter")
    assert found.value == found.truth == NotMeasured("no finite number came out")


@pytest.mark.parametrize(
    "value, text",
    [
        (31.1408, "31.14"),
        (0.0364885, "0.036"),
        (376.91, "376.9"),
        (1171.45, "1,171.5"),
        (15767, "15,767"),
        (100.0, "100"),
        (0, "0"),
        (0.0, "0"),
        (-3, "-3"),
        (0.00004, "4e-05"),
        (None, ""),
        (NotMeasured("no face"), "not measured: no face"),
    ],
)
def test_numbers_for_a_reader(value, text):
    assert shown(value) == text


@given(st.floats(-1e6, 1e6).filter(lambda value: value != 0))
def test_what_is_not_zero_does_not_look_like_it(value):
    assert float(shown(value).replace(",", "")) != 0


def test_a_narrow_cell_has_no_reason():
    assert brief(NotMeasured("a long story")) == "not measured"
    assert brief(2.5) == "2.500"


def test_each_reason_is_given_once_with_the_rows_it_explains():
    rows = [
        Row(
            group="",
            key="a",
            label="Sync-C",
            value=NotMeasured("no weights."),
            truth=NotMeasured("no weights."),
        ),
        Row(
            group="",
            key="b",
            label="Sync-D",
            value=NotMeasured("no weights."),
            truth=NotMeasured("no sound"),
        ),
        Row(group="", key="c", label="PSNR", value=3.0),
    ]
    assert unmeasured(rows) == [
        "Not measured: Sync-C; Sync-D. Why: no weights.",
        "Not measured: Sync-D of the truth. Why: no sound.",
    ]


def test_a_folder_without_metrics_says_how_to_make_them(tmp_path):
    with pytest.raises(FileMissing, match="instag evaluate AVATAR CLIP"):
        load_metrics(tmp_path)


def spoilt(tmp_path, change) -> str:
    save_metrics(evaluation(perfect()).metrics, tmp_path)
    content = json.loads((tmp_path / "metrics.json").read_text())
    return json.dumps(change(content) or content)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: [content],
        lambda content: content.pop("rows") and None,
        lambda content: content["rows"][0].pop("unit") and None,
        lambda content: content["rows"][0].update(value="12"),
        lambda content: content["rows"][0].update(better="colder"),
        lambda content: content.update(about=["me"]),
        lambda content: content.update(rows=3),
        lambda content: content.update(format_version=None),
    ],
)
def test_damaged_metrics_are_told(tmp_path, change):
    (tmp_path / "metrics.json").write_text(spoilt(tmp_path, change))
    with pytest.raises(BadArgument, match="is damaged"):
        load_metrics(tmp_path)


@pytest.mark.parametrize("content", [b"", b'{"format_version": 1, "about"', b"\xff\xfe\x00\x9c"])
def test_half_a_file_is_damaged(tmp_path, content):
    (tmp_path / "metrics.json").write_bytes(content)
    with pytest.raises(BadArgument, match="is damaged"):
        load_metrics(tmp_path)


def test_a_newer_format_is_refused(tmp_path):
    (tmp_path / "metrics.json").write_text(
        spoilt(tmp_path, lambda content: content.update(format_version=99))
    )
    with pytest.raises(BadArgument, match="newer instag"):
        load_metrics(tmp_path)
