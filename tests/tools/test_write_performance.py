"""Results become tables of documents: in the form that these have, and never half."""

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

import people_block
import timed_runs
import times_block
from benchmarks.people_columns import MAIN
from benchmarks.people_tables import Result
from marked_block import block_of
from write_performance import DOCUMENTS, main

CPU = {
    "date": "2026-11-30",
    "machine": {"name": "cpu"},
    "threads": 2,
    "recipe": "few",
    "size": 512,
    "python": "3.11.4",
    "torch": "2.13.0+cpu",
    "gsplat": None,
}
GPU = CPU | {
    "machine": {"name": "NVIDIA H200"},
    "threads": 16,
    "torch": "2.11.0+cu129",
    "gsplat": "1.5.3",
}
PEOPLE = """before
<!-- people: begin -->
Recipe `draft`, 9 people, means of
three seeds, cpu, 2026-01-01. Heads of
9 people, as no fold had them.

| old |
<!-- people: end -->
after
"""
TIMES = """<!-- times: begin -->
Measured from 2026-01-01 to 2026-01-02. "2 cores": ours, Python 3.11, torch 2.13. "H200": theirs.

| work | 2 cores | H200 | the original, H200 |
|---|---|---|---|
| observe 5 s of video | 9 s | | |
| adapt to 5 s, from a fresh process | 9 s | 8 s | 1 s |
| most memory of that | 9 GB | 8 GB | |
| pre-train at 256 px, 4 people x 16 frames (x 32) | | 8 | 45 frames/s |
| render, 32 frames at once, before encoding | | 8 | 1 |
| render, one frame at a time | | 8 | 1 |
| speak a minute, start included | 9 | 8 | |
| by hand | 9 | 8 | |
<!-- times: end -->
"""
SHORT_TIMES = """<!-- times in short: begin -->
| work | 2 cores, no GPU | one H200 |
|---|---|---|
| learn a head from 5 s | 9 s | 8 s |
| speak a minute, start included | 9 | 8 |
<!-- times in short: end -->
"""


def saved(path: Path, content: object) -> str:
    path.write_text(json.dumps(content))
    return str(path)


def command(
    name: str,
    wall_s: float,
    *,
    first: bool = False,
    frames: int = 0,
    mb: tuple[float, float | None, float | None] = (100, None, None),
) -> dict[str, object]:
    memory = dict(zip(("memory_mb", "tensors_mb", "reserved_mb"), mb, strict=True))
    run = {"wall_s": wall_s, "processor_s": None} | memory
    return {"command": name, "first": first, "frames": frames, "run": run}


def commands(
    *times: float,
    frames: Sequence[int] = (125, 125),
    mb: tuple[float, float | None, float | None] = (100, None, None),
) -> dict[str, object]:
    """Observing, learning, both the first time, and speaking of 100 s. mb: of learning."""
    observe, observe_first, adapt, adapt_first = times
    rows = [
        *([command("prepare", observe_first, first=True)] if observe_first else []),
        *([command("prepare", observe)] if observe else []),
        command("adapt", adapt_first, first=True, mb=mb),
        command("adapt", adapt, mb=mb),
        *(command("speak", 100, frames=count, first=not at) for at, count in enumerate(frames)),
    ]
    return {"seconds": 5, "commands": rows}


def result(name: str, seed: int = 0, **more: object) -> dict[str, object]:
    numbers = {column.key: 10.0 + seed for column in MAIN}
    known = {"taught": 125, "tested": 300, "numbers": numbers, "recipe": "few"}
    made = {"device": "NVIDIA H200", "date": f"2026-02-0{1 + seed}"}
    return {"name": name, "seed": seed} | known | made | more


def people_of(page: str) -> list[Result]:
    """Results of two seeds that would make the rows of a document."""
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in page.splitlines()
        if re.match(r"\| \w+ \| \d+ s, \d+ s \|", line)
    ]
    assert len(rows) > 10
    return [
        Result(
            name=name,
            seed=seed,
            taught=25 * int(length.split()[0]),
            tested=25 * int(length.split()[2]),
            numbers={column.key: float(cell) for column, cell in zip(MAIN, cells, strict=True)},
            recipe="few",
            device="NVIDIA H200",
            date="2026-11-30",
        )
        for name, length, *cells in rows
        for seed in (0, 1)
    ]


def test_the_documents_have_the_form_that_is_written():
    """Without results nothing changes; results that would make a page's people make its rows, but
    a mean of rounded numbers can round otherwise."""
    performance, readme = (path.read_text() for path in DOCUMENTS)
    for page, name, rows, last in (
        (performance, "times", times_block.ROWS, times_block.ORIGINAL),
        (readme, "times in short", times_block.SHORT_ROWS, {}),
    ):
        old = block_of(page, name)
        assert old is not None
        assert (
            times_block.with_cells(old, rows, {timed_runs.CPU: [], timed_runs.GPU: []}, last) == old
        )
    for machine in (timed_runs.CPU, timed_runs.GPU):
        times_block.check_versions(performance, machine, [])
    assert times_block.MEASURED.search(performance)
    results = people_of(performance)
    for page, name, make in (
        (performance, "people", people_block.main_block),
        (readme, "people in short", people_block.short_block),
    ):
        old = block_of(page, name)
        assert old is not None
        changed = set(make(old, results).splitlines()) - set(old.splitlines())
        assert all(re.match(r"Recipe|.*seeds|\| (\*\*)?mean", line) for line in changed), changed


def test_results_make_cells_of_this_form(tmp_path):
    page, short = tmp_path / "page.md", tmp_path / "short.md"
    page.write_text(TIMES)
    short.write_text(SHORT_TIMES)
    slow, quick = (
        commands(16, 25, 425, 511, frames=(1500, 2600), mb=(1843, None, None)),
        commands(20, 24, 425, 511, frames=(1500, 2200), mb=(1024, None, None)),
    )
    learned = commands(0, 0, 15.1, 21.3, frames=(9, 25000), mb=(9, 1434, 2765))
    spoken = {"commands": [command("speak", 100, frames=28300)]}
    painted = [{"batch": 1, "rendering_fps": 1304.2}, {"batch": 32, "rendering_fps": 8620.7}]
    cpu = [saved(tmp_path / f"{at}.json", CPU | run) for at, run in enumerate((slow, quick))]
    gpu = [
        saved(tmp_path / f"gpu{at}.json", GPU | run)
        for at, run in enumerate((learned, spoken, {"speaking": painted}))
    ]
    main([str(page), str(short), "--cpu", *cpu, "--gpu", *gpu])
    assert page.read_text().splitlines()[5:12] == [
        "| observe 5 s of video | 16 to 20 s | | |",
        "| adapt to 5 s, from a fresh process | 7:05 min (8:31 the first time: kernels are "
        "compiled) | 15.1 s (21.3 s the first time) | 519 s |",
        "| most memory of that | 1.8 GB | 1.4 GB of the GPU's in tensors, 2.7 GB reserved | |",
        "| pre-train at 256 px, 4 people x 16 frames (x 32) | | 8 | 45 frames/s |",
        "| render, 32 frames at once, before encoding | | 8,621 frames/s | 78 frames/s |",
        "| render, one frame at a time | | 1,304 frames/s | 78 frames/s |",
        "| speak a minute, start included | 22 to 26 frames/s | 250 to 283 frames/s | |",
    ]
    assert short.read_text().splitlines()[3:5] == [
        "| learn a head from 5 s | 7:05 min (8:31 the first time) | 15 s (21 s the first time) |",
        "| speak a minute, start included | 22 to 26 frames/s | 250 to 283 frames/s |",
    ]


def test_people_are_means_over_seeds_under_what_was_done(tmp_path):
    document = tmp_path / "page.md"
    document.write_text(PEOPLE)
    runs = [
        saved(tmp_path / f"{seed}.json", [result(name, seed) for name in ("ann", "ben")])
        for seed in (0, 1)
    ]
    main([str(document), "--people", *runs])
    lines = document.read_text().splitlines()
    assert lines[:4] == [
        *PEOPLE.splitlines()[:2],
        "Recipe `few`, 2 people, means of two seeds, H200, 2026-02-01 to 2026-02-02. Heads of",
        "2 people, as no fold had them.",
    ]
    assert lines[5].startswith("| person | taught, tested | PSNR, dB | face box |")
    assert lines[7] == "| ann | 5 s, 12 s | 10.5 | 10.5 | 10.500 | 10.500 | 10.5 | 10.50 | " + (
        "10.50 | 10.50 |"
    )
    assert [line.split()[1] for line in lines[8:11]] == ["ben", "**mean**", "**worst**"]
    assert lines[11:] == ["<!-- people: end -->", "after"]


def test_one_machine_does_not_touch_the_others_numbers(tmp_path):
    document = tmp_path / "page.md"
    document.write_text(TIMES)
    main([str(document), "--cpu", saved(tmp_path / "a.json", CPU | commands(7, 9, 59.96, 61))])
    lines = document.read_text().splitlines()
    assert lines[1].startswith("Measured from 2026-01-01 to 2026-11-30.")
    assert lines[5:] == [
        "| observe 5 s of video | 7.0 s | | |",
        "| adapt to 5 s, from a fresh process | 60.0 s (1:01 the first time: kernels are compiled) "
        "| 8 s | 519 s |",
        "| most memory of that | 0.1 GB | 8 GB | |",
        "| pre-train at 256 px, 4 people x 16 frames (x 32) | | 8 | 45 frames/s |",
        "| render, 32 frames at once, before encoding | | 8 | 78 frames/s |",
        "| render, one frame at a time | | 8 | 78 frames/s |",
        "| speak a minute, start included | 1 frames/s | 8 | |",
        "| by hand | 9 | 8 | |",
        "<!-- times: end -->",
    ]


@pytest.mark.parametrize(
    ("option", "content", "said"),
    [
        ("--people", [result("ann", error="no memory")], "ann, seed 0, has no numbers: no memory"),
        ("--people", [result("ann", date="")], "does not name recipe, device and date"),
        ("--people", [result("ann"), result("ben", 1)], "Not everybody has the same seeds"),
        ("--people", [result("ann"), result("ann")], "Not everybody has the same seeds, once each"),
        ("--people", [result("ann"), result("ben", recipe="draft")], "several recipes"),
        ("--people", {"commands": []}, "is no result of benchmarks.people"),
        ("--cpu", [], "is no result of benchmarks.whole_commands"),
        ("--cpu", CPU | {"commands": [{}]}, "is no result of benchmarks.whole_commands"),
        ("--cpu", GPU | commands(1, 1, 1, 1), 'NVIDIA H200 with 16 threads, not on "2 cores"'),
        ("--cpu", CPU | commands(1, 1, 1, 1) | {"threads": 4}, "cpu with 4 threads"),
        ("--gpu", CPU | commands(1, 1, 1, 1), 'not on "H200"'),
        ("--cpu", CPU | commands(1, 1, 1, 1) | {"seconds": 3}, "has seconds 3; .* show 5"),
        ("--cpu", CPU | commands(1, 1, 1, 1) | {"recipe": "draft"}, "has recipe draft"),
        ("--cpu", CPU | commands(1, 1, 1, 1) | {"torch": "2.1.0"}, "says torch 2.13 of .* 2.1.0"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_written(tmp_path, option, content, said):
    document = tmp_path / "page.md"
    document.write_text(PEOPLE + TIMES)
    with pytest.raises(SystemExit, match=said):
        main([str(document), option, saved(tmp_path / "a.json", content)])
    assert document.read_text() == PEOPLE + TIMES


def test_documents_that_lack_what_is_written_are_refused_all_together(tmp_path):
    good, bad = tmp_path / "good.md", tmp_path / "bad.md"
    good.write_text(TIMES)
    times = saved(tmp_path / "a.json", CPU | commands(1, 1, 1, 1))
    for lacking, said in (
        (PEOPLE, r'bad.md has no block "times" or "times in short"\. Put the lines <!-- times: b'),
        (TIMES.replace("times: end", "x"), "has no block"),
        (TIMES.replace("| observe", "| see"), 'block "times", has no row "observe 5 s of video"'),
        (TIMES.replace("| 2 cores |", "| 4 |"), 'has no column 1 of "2 cores"'),
        (TIMES.replace("the original,", "ours,"), 'has no last column "the original, H200"'),
        (TIMES.replace("Measured", "Had"), "has no words of the form: Measured from"),
        (TIMES.replace('"2 cores":', "2 cores:"), 'does not say what "2 cores": is'),
    ):
        bad.write_text(lacking)
        with pytest.raises(SystemExit, match=said):
            main([str(good), str(bad), "--cpu", times])
        assert (good.read_text(), bad.read_text()) == (TIMES, lacking)
    people = saved(tmp_path / "b.json", [result("ann")])
    good.write_text(PEOPLE.replace("Recipe", "Course"))
    with pytest.raises(SystemExit, match="has no words of the form: Recipe"):
        main([str(good), "--people", people])


def test_results_have_to_be_given_and_there(capsys):
    for given, said in (([], "Give results"), (["--cpu", "lost.json"], "No such file: lost.json")):
        with pytest.raises(SystemExit):
            main(given)
        assert said in capsys.readouterr().err
