"""The tables over people: means over seeds, the mean and the worst of all, and what changed."""

import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.people_columns import Column
from benchmarks.people_tables import Result, all_tables, comparison, table

COLUMNS = (
    Column(key="psnr_full", title="PSNR", more=True, digits=1),
    Column(key="lpips_full", title="LPIPS", more=False, digits=3),
    Column(key="blinks", title="blinks", more=None, digits=0),
)


def result(name: str, seed: int = 0, **numbers: float) -> Result:
    return Result(name=name, seed=seed, taught=125, tested=75, numbers=numbers)


PEOPLE = [
    result("ann", psnr_full=30, lpips_full=0.05, blinks=2),
    result("ann", seed=1, psnr_full=32, lpips_full=0.07, blinks=2),
    result("ben", psnr_full=25, blinks=1),
    Result(name="eve", seed=0, numbers={}, error="RuntimeError: no memory"),
]


def test_rows_of_people_then_the_mean_and_the_worst():
    assert table(PEOPLE, COLUMNS).splitlines() == [
        "| person | taught, tested | PSNR | LPIPS | blinks |",
        "|---|---|---|---|---|",
        "| ann | 5 s, 3 s | 31.0 | .060 | 2 |",
        "| ben | 5 s, 3 s | 25.0 | - | 1 |",
        "| **mean** | | 28.0 | .060 | 2 |",
        "| **worst** | | 25.0 | .060 | - |",
    ]


def test_changes_of_each_person_of_the_mean_and_of_the_worst():
    after = [
        replace(each, numbers=each.numbers | {"psnr_full": each.numbers["psnr_full"] + change})
        for each, change in zip(PEOPLE[:3], (1, 1, -0.5), strict=True)
    ]
    rows = comparison([*after, result("new", psnr_full=1)], PEOPLE, COLUMNS).splitlines()
    assert rows[2:] == [
        "| ann | +1.0 | +0.000 | +0 |",
        "| ben | -0.5 ! | - | +0 |",
        "| **mean** | +0.2 | +0.000 | +0 |",
        "| **worst** | -0.5 ! | +0.000 | +0 |",
    ]


def test_heads_that_failed_are_named():
    text = all_tables(PEOPLE)
    assert text.endswith("## Failed\n\n- eve, seed 0: RuntimeError: no memory")
    assert "Sweeps" not in text, "none was measured"
