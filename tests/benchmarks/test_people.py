"""The bench over people from clips to its tables, on a head so small that it takes seconds."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.one_head import Job

from benchmarks import people, separate_process
from instag.training.adapt_recipe import AdaptRecipe
from instag.training.recipes import draft
from instag.training.schedules import shortened
from shared_files import copied_clip


def tiny() -> AdaptRecipe:
    return replace(
        shortened(draft(), 0.002), size=64, face_splats=200, mouth_splats=100, name="tiny"
    )


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Heads are learned in this process, in few steps."""
    monkeypatch.setenv("INSTAG_ASSETS", str(tmp_path / "nothing"))

    def learned_here(job: Job) -> people.Result:
        separate_process._write_result(replace(job, recipe=tiny()))
        return people.Result(**json.loads(job.result_path.read_text()))

    monkeypatch.setattr(people, "run_apart", learned_here)


def test_from_clips_to_tables_though_one_head_fails(tmp_path, capsys):
    clip = copied_clip(tmp_path / "ann.clip", frames=76).folder
    (tmp_path / "ben.clip").mkdir()
    made = tmp_path / "made"
    before = tmp_path / "before.json"
    numbers = {"psnr_full": 5.0, "psnr_face": 99.0}
    people.save_results([people.Result(name="ann", seed=0, numbers=numbers)], before)
    with pytest.raises(SystemExit):
        people.main(
            [
                *(str(clip), str(tmp_path / "ben.clip"), "-o", str(made), "--device", "cpu"),
                *("--compare", str(before), "--seconds", "2", "--no-sweeps"),
            ]
        )
    ann, ben = people.load_results(made / "people.json")
    assert (ann.name, ann.taught, ann.tested) == ("ann", 50, 26)
    assert (ann.recipe, ann.device, len(ann.date)) == ("tiny", "cpu", len("2026-11-30"))
    assert "NotAnArtefact" in ben.error
    wanted = {"psnr_outline", "psnr_hair", "psnr_full_worst", "broken_frames", "outside"}
    assert wanted <= set(ann.numbers)
    assert {path.name for path in made.iterdir()} >= {
        *("people.json", "people.md", "ann-0.avatar", "ann-0.report", "ann-0.json"),
        "ann-0.worst.png",
    }
    printed = capsys.readouterr().out
    assert "ben, seed 0: NotAnArtefact" in printed
    assert "changes (! is worse)" in printed
    assert "| ann | 2 s, 1 s |" in printed


def test_each_person_gets_what_never_saw_them(tmp_path):
    for name in ("ann", "ben"):
        (tmp_path / f"{name}.prior").touch()
        (tmp_path / f"{name}.clip").mkdir()
    clips = [str(tmp_path / f"{name}.clip") for name in ("ann", "ben")]

    def priors(*given: str) -> list[str | None]:
        chosen = people.arguments([*clips, "--priors", *given])
        return [job.prior for job in people.jobs_of(chosen)]

    wanted = [str(tmp_path / f"{name}.prior") for name in ("ann", "ben")]
    assert priors(str(tmp_path)) == wanted
    assert priors(f"ann={wanted[0]}", f"ben={wanted[1]}") == wanted
    with pytest.raises(SystemExit, match="never saw ben"):
        priors(f"ann={wanted[0]}")
    with pytest.raises(SystemExit, match=r"No such file: ben=.*lost\.prior"):
        priors(f"ben={tmp_path / 'lost.prior'}")


def test_a_process_that_dies_is_reported(tmp_path, monkeypatch):
    class Dies:
        exitcode = -9

        def __init__(self, **_: object) -> None: ...
        def start(self) -> None: ...
        def join(self) -> None: ...

    context = type("Context", (), {"Process": Dies})
    monkeypatch.setattr(separate_process, "get_context", lambda _: context)
    job = Job(clip=tmp_path / "ann.clip", avatar=tmp_path / "ann-0.avatar")
    assert "code -9" in separate_process.run_apart(job).error
