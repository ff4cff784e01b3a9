"""The report: one file with everything in it, every text escaped, every missing number explained
once."""

import re
from html import unescape

import numpy as np
import pytest

from evaluation.talk import evaluation, faceless, judged, perfect, take
from instag.evaluation.html_page import Figures, Picture, Table
from instag.evaluation.metrics_files import load_metrics
from instag.evaluation.paper_results import ROWS
from instag.evaluation.picture_sheets import MOUTHS_A_ROW, TILE, error_sheet, mouth_sheet
from instag.evaluation.report import published_table, report_page, write_report
from instag.evaluation.sample_frames import MOUTH_SIDE


def without_pictures(page: str) -> str:
    return re.sub(r"data:image/jpeg;base64,[\w+/=]+", "data:", page)


@pytest.mark.parametrize("measured", [perfect, faceless])
def test_the_page_needs_no_other_file(measured, tmp_path):
    page = write_report(evaluation(measured()), tmp_path / "made" / "report")
    text = page.read_text()
    assert {path.name for path in page.parent.iterdir()} == {
        "metrics.json",
        "metrics.csv",
        "report.html",
    }
    assert "http" not in without_pictures(text)
    assert str(tmp_path) not in text
    assert not re.search(r"(src|href)=\"(?!data:)|url\(|<script|<link", without_pictures(text))
    assert load_metrics(page.parent) == evaluation(measured()).metrics


def test_names_are_escaped():
    text = report_page(
        evaluation(perfect(), prediction="<b>me</b> & you", note="a < b", truth='"true"')
    ).html()
    assert "<b>me" not in text
    assert "&lt;b&gt;me&lt;/b&gt; &amp; you" in text
    assert "a &lt; b" in text


def test_a_reason_is_given_once_and_its_cells_stay_narrow():
    made = evaluation(perfect())
    text = without_pictures(report_page(made).html())
    assert text.count("instag assets get syncnet") == 1
    assert text.count("instag assets get lpips") == 1
    cells = [
        cell
        for block in report_page(made).blocks
        if isinstance(block, Table) and "measured" in block.head
        for row in block.rows
        for cell in row[1:]
    ]
    assert max(map(len, cells)) <= len("not measured")


def test_what_was_not_measured_is_no_large_figure():
    figures = next(
        block for block in report_page(evaluation(faceless())).blocks if isinstance(block, Figures)
    )
    assert [name for _, name in figures.values] == [
        "PSNR, whole picture (dB)",
        "SSIM, whole picture",
    ]


def test_every_row_is_in_the_page_with_the_truths():
    text = report_page(evaluation(perfect())).html()
    for row in evaluation(perfect()).metrics.rows:
        assert row.label in unescape(text), row.label
    assert "<th>truth</th>" in text


def test_published_numbers_stand_beside_ours_where_both_exist():
    table = published_table(evaluation(perfect()).metrics)
    assert len({len(row) for row in table.rows} | {len(table.head)}) == 1
    assert all("as published" in name for name in table.head[2:])
    assert table.rows[0][:3] == (
        "PSNR, whole picture (dB)",
        "100",
        f"{ROWS[0].numbers['psnr_full']}",
    )
    assert not any(row[0].startswith("learning") for row in table.rows)


def test_published_numbers_are_shown_where_size_and_protocol_are_theirs():
    same = report_page(evaluation(perfect(), size="512x512", taught="5 s")).html()
    assert "InsTaG (CVPR 2025), as published" in same
    for other in ({"size": "512x512", "taught": "12 s"}, {"taught": "5 s"}):
        text = report_page(evaluation(perfect(), **other)).html()
        assert "CVPR 2025" not in text
        assert "not shown beside these" in text


def test_frames_and_mouths_are_shown_side_by_side():
    spoilt = [
        np.full_like(picture, 255) if index == 20 else picture
        for index, picture in enumerate(take().pictures)
    ]
    measured = judged(spoilt)
    samples = measured.samples
    assert samples.worst[0].pair.index == 20
    sheet = error_sheet(samples.worst)
    assert sheet.shape == (TILE * len(samples.worst), 3 * TILE, 3)
    white, error = sheet[:TILE, TILE : 2 * TILE], sheet[TILE : 2 * TILE, 2 * TILE :]
    assert (white == 255).all()
    assert (error == 0).all()
    mouths = mouth_sheet(samples.mouths)
    assert mouths.shape == (
        2 * MOUTH_SIDE * int(np.ceil(len(samples.mouths) / MOUTHS_A_ROW)),
        MOUTHS_A_ROW * MOUTH_SIDE,
        3,
    )
    pictures = [
        block for block in report_page(evaluation(measured)).blocks if isinstance(block, Picture)
    ]
    assert f"frame 20 ({samples.worst[0].psnr:.1f} dB)" in pictures[0].caption


def test_wide_pictures_keep_their_shape():
    assert error_sheet(faceless().samples.best).shape[0] % round(TILE * 40 / 48) == 0
