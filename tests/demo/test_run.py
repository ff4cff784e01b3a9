"""The run of the demo: each piece of work once, and what is there already is kept."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from demo.acted import late_lips, learned
from instag.data.clip import Clip
from instag.demo.files import Files
from instag.demo.run import STAGE_SHARES, run
from instag.runtime.progress import Report
from shared_files import shared_clip


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the pieces of work that were done, each in an instant."""
    done: list[str] = []

    def film(performance: object, path: Path, *, report: Report) -> None:
        done.append("film")
        path.write_bytes(b"a film")

    def observe(video: Path, folder: Path, *rest: object, report: Report) -> Clip:
        done.append("observe")
        return shared_clip(frames=60)

    def learn(clip: Clip, path: Path, *, report, **named: object) -> None:
        done.append("learn")
        for stage in STAGE_SHARES:
            report(stage, 1, 2)
        learned(test=range(60, 60)).save(path)

    def speak(avatar: object, sound: Path, path: Path, **named: object) -> None:
        done.append("speak")
        path.write_bytes(b"another film")

    def check(*given: object) -> object:
        done.append("check")
        return late_lips(2)

    monkeypatch.setattr("instag.demo.run.write_video", film)
    monkeypatch.setattr("instag.prepare", observe)
    monkeypatch.setattr("instag.adapt", learn)
    monkeypatch.setattr("instag.speak", speak)
    monkeypatch.setattr("instag.demo.run.measure_sync", check)
    return done


def test_what_is_there_is_not_made_again(tmp_path: Path, work: list[str]) -> None:
    notes: list[str] = []
    page = run(tmp_path, open_page=False, device="cpu", note=notes.append)
    files = Files(folder=tmp_path)
    assert work == ["film", "observe", "learn", "speak", "check"]
    assert page == files.page
    assert str(page.resolve()) in notes[0]
    assert set(json.loads(files.times.read_text())) == {*work, "test"}

    del work[:]
    files.times.write_text(json.dumps({"film": 7.0, "learn": 90.5, "observe": 30.0}))
    run(tmp_path, open_page=False, device="cpu")
    assert work == ["observe", "speak", "check"]
    spent = json.loads(files.times.read_text())
    assert (spent["film"], spent["learn"]) == (7.0, 90.5), "those of the run that did the work"
    assert spent["observe"] == 30.0, "an observation that is there takes no time, and counts"


def test_learning_is_one_bar(tmp_path: Path, work: list[str]) -> None:
    seen: dict[str, list[int]] = {}

    @contextmanager
    def progress(title: str) -> Iterator[Report]:
        bar = seen.setdefault(title, [])
        yield lambda done, total: bar.append(done)

    run(tmp_path, open_page=False, device="cpu", progress=progress)
    assert seen["Learning the head"] == [175, 500, 825]
