import re
from xml.etree import ElementTree

import numpy as np
import pytest

from instag.evaluation.chart import Chart, Line
from instag.evaluation.html_page import (
    Figures,
    Films,
    Heading,
    Page,
    Paragraph,
    Picture,
    Table,
    write_page,
)


@pytest.fixture
def page(tmp_path):
    film = tmp_path / "a.mp4"
    film.write_bytes(b"\0\1\2")
    x = np.linspace(0, 3, 30)
    return Page(
        title="A <title> & more",
        lead="lead",
        blocks=[
            Figures(values=[("27.0 dB", "PSNR <held out>")]),
            Films(films=[(film, "a film")]),
            Heading(text="One & two"),
            Paragraph(text="<script>alert(1)</script>", small=True),
            Picture(image=np.zeros((8, 12, 3), np.uint8), caption='a "picture"'),
            Chart(
                lines=[
                    Line(name="<up>", x=x, y=x),
                    Line(name="loud", x=x, y=np.abs(np.sin(x)), filled=True),
                ],
                x_name="s",
                caption="c",
            ),
            Table(head=("What", "Which"), rows=[("a", "1 < 2")]),
        ],
    )


def test_it_needs_nothing_from_elsewhere(page, tmp_path):
    text = write_page(page, tmp_path / "page.html").read_text()
    assert "<script" not in text
    assert not re.search(r"(src|href)=\"(?!data:)", text)
    assert "http" not in text


def test_all_text_is_escaped(page):
    text = page.html()
    for wanted in (
        "A &lt;title&gt; &amp; more",
        "&lt;script&gt;",
        "PSNR &lt;held out&gt;",
        "a &#34;picture&#34;",
        "&lt;up&gt;",
        "1 &lt; 2",
    ):
        assert wanted in text


@pytest.mark.parametrize("logarithmic", [False, True])
@pytest.mark.parametrize("y", [np.ones(5), np.geomspace(1e-4, 10, 5), np.array([-1.0, 2, 3, 4, 5])])
def test_a_chart_is_a_drawing_with_every_point_inside(y, logarithmic):
    if logarithmic and y.min() < 0:
        y = np.abs(y)
    chart = Chart(
        lines=[Line(name="a", x=np.arange(5.0), y=y)],
        x_name="step",
        caption="c",
        logarithmic=logarithmic,
    )
    text = Page(title="t", lead="l", blocks=[chart]).html()
    drawing = ElementTree.fromstring(text[text.index("<svg") : text.index("</svg>") + 6])
    width, height = (float(value) for value in drawing.attrib["viewBox"].split()[2:])
    line = drawing.find("polyline")
    assert line is not None
    for point in line.attrib["points"].split():
        column, row = (float(value) for value in point.split(","))
        assert 0 <= column <= width
        assert 0 <= row <= height
