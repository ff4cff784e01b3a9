"""A run's folder: metrics without TensorBoard and with it, rows that agree with the checkpoint, and
checkpoints of other runs that are left aside."""

import json
import logging
import os
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from instag.errors import NotAnArtefact, NotWritable, TrainingFailed
from instag.training import checkpoints, metrics_writer
from instag.training.checkpoints import Position
from instag.training.metrics_writer import METRICS, METRICS_EVERY, frame_rate
from instag.training.run_dir import RunDir

STAGES = ("face", "mouth")


def opened(folder: Path, **identity: object) -> RunDir:
    return RunDir(folder, identity)


def rows(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / METRICS).read_text().splitlines()]


def add(run: RunDir, stage: str, steps: int, value: float = 1.0) -> None:
    for step in range(steps):
        run.metrics.add(stage, step, steps, ["a", "b"], torch.tensor([value, step]), splats=7)


def test_rows_are_means_of_the_steps_between_them(tmp_path: Path) -> None:
    seen = []
    run = RunDir(tmp_path, {}, on_metrics=seen.append)
    run.begin(STAGES)
    add(run, "face", METRICS_EVERY + 10)
    first, last = rows(tmp_path)
    assert (first["step"], last["step"]) == (METRICS_EVERY - 1, METRICS_EVERY + 9)
    assert first["b"] == pytest.approx((METRICS_EVERY - 1) / 2)
    assert last["b"] == pytest.approx(METRICS_EVERY + 4.5)
    assert last["loss"] == pytest.approx(last["a"] + last["b"])
    assert last["splats"] == 7
    assert seen == [first, last] == run.metrics.rows()
    assert frame_rate(seen, "face", 4) > 0
    assert frame_rate(seen, "mouth", 4) == 0


def test_a_loss_that_is_not_finite_ends_the_run(tmp_path: Path) -> None:
    run = opened(tmp_path)
    with pytest.raises(TrainingFailed, match="'face'"):
        add(run, "face", METRICS_EVERY, float("nan"))


def test_tensorboard_is_not_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_writer, "tensorboard_writer", lambda folder: None)
    run = opened(tmp_path)
    run.begin(STAGES)
    add(run, "face", 3)
    run.finish()
    assert [path.name for path in tmp_path.iterdir()] == [METRICS]


def test_a_run_goes_on_from_its_last_checkpoint_and_keeps_its_rows(tmp_path: Path) -> None:
    run = opened(tmp_path, seed=1)
    assert run.begin(STAGES) == (None, {})
    add(run, "face", 60)
    run.checkpoints.save(Position(stage="face", step=60), {"a": torch.zeros(2)})
    add(run, "mouth", 40)
    at = Position(stage="mouth", step=40)
    run.checkpoints.save(at, {"a": torch.ones(2)})
    for step in range(40, METRICS_EVERY):
        run.metrics.add("mouth", step, 90, ["a"], torch.tensor([1.0]), splats=7)
    assert len(rows(tmp_path)) == 4
    found, tensors = opened(tmp_path, seed=1).begin(STAGES)
    assert found == at
    assert torch.equal(tensors["a"], torch.ones(2))
    assert [(row["stage"], row["step"]) for row in rows(tmp_path)] == [
        ("face", 49),
        ("face", 59),
        ("mouth", 39),
    ]
    run.finish()
    assert not list(tmp_path.glob("checkpoint*"))


def test_a_checkpoint_of_another_run_is_said_and_left_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = opened(tmp_path, seed=1)
    add(run, "face", 5)
    run.checkpoints.save(Position(stage="face", step=5), {"a": torch.zeros(2)})
    with caplog.at_level(logging.WARNING):
        assert opened(tmp_path, seed=2).begin(STAGES) == (None, {})
    assert "starting anew" in caplog.text
    assert rows(tmp_path) == []


def test_a_checkpoint_of_an_older_instag_is_said_and_dropped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "checkpoint.safetensors").write_bytes(b"old")
    with caplog.at_level(logging.WARNING):
        assert opened(tmp_path).begin(STAGES) == (None, {})
    assert "older" in caplog.text or "another instag" in caplog.text
    assert not list(tmp_path.glob("checkpoint*"))


def test_a_damaged_checkpoint_is_said(tmp_path: Path) -> None:
    (tmp_path / "checkpoint-face-3-0.safetensors").write_bytes(b"damaged")
    with pytest.raises(NotAnArtefact, match="checkpoint-face-3-0"):
        opened(tmp_path).begin(STAGES)


def stopped(folder: Path, seed: int, step: int) -> None:
    """A run that was stopped after so many steps of its first stage."""
    run = opened(folder, seed=seed)
    run.begin(STAGES)
    add(run, "face", step)
    run.checkpoints.save(Position(stage="face", step=step), {"a": torch.full((2,), float(step))})


def test_a_training_that_another_came_between_goes_on(tmp_path: Path) -> None:
    stopped(tmp_path, 1, 60)
    stopped(tmp_path, 2, 7)
    run = opened(tmp_path, seed=1)
    at, tensors = run.begin(STAGES)
    assert at == Position(stage="face", step=60)
    assert tensors["a"].tolist() == [60.0, 60.0]
    assert [row["step"] for row in rows(tmp_path)] == [49, 59]
    assert opened(tmp_path, seed=2).begin(STAGES)[0] == Position(stage="face", step=7)
    assert [row["step"] for row in rows(tmp_path)] == [6]
    run = opened(tmp_path, seed=3)
    assert run.begin(STAGES) == (None, {})
    run.finish()
    assert [path.name for path in tmp_path.iterdir()] == [METRICS]


def renamed(path: Path) -> None:
    path.rename(path.with_name("checkpoint-face-500000-0.safetensors"))


def of_another_stage(path: Path) -> None:
    path.rename(path.with_name("checkpoint-mouth-3-0.safetensors"))


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def of_other_numbers(path: Path) -> None:
    with safe_open(str(path), "pt") as stored:
        about = stored.metadata()
    save_file({"a": torch.ones(1)}, str(path), about)


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    "damage", [renamed, of_another_stage, flipped, cut, of_other_numbers, a_folder, a_pipe]
)
def test_a_checkpoint_that_is_not_what_was_written_is_refused(tmp_path: Path, damage) -> None:
    if damage is a_pipe and not hasattr(os, "mkfifo"):
        pytest.skip("no named pipes here")
    stopped(tmp_path, 1, 3)
    damage(tmp_path / "checkpoint-face-3-0.safetensors")
    with pytest.raises(NotAnArtefact, match=r"Delete it to start training anew"):
        opened(tmp_path, seed=1).begin(STAGES)


def test_metrics_that_are_no_file_neither_stop_a_run_for_ever_nor_lead_elsewhere(
    tmp_path: Path,
) -> None:
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "run"
    folder.mkdir()
    (folder / METRICS).symlink_to(elsewhere)
    stopped(folder, 1, 3)
    assert not elsewhere.exists()
    assert len(rows(folder)) == 1
    a_folder(folder / METRICS)
    with pytest.raises(NotWritable, match="it is a folder"):
        opened(folder, seed=1).begin(STAGES)


@pytest.mark.skipif(sys.platform == "win32", reason="folders have no locks there")
def test_two_do_not_train_into_one_folder(tmp_path: Path) -> None:
    with (
        opened(tmp_path, seed=1).alone(),
        pytest.raises(NotWritable, match="Another training"),
        opened(tmp_path).alone(),
    ):
        pass
    with opened(tmp_path, seed=1).alone():
        pass


def test_checkpoints_come_by_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = opened(tmp_path)
    assert not run.checkpoints.due(7)
    monkeypatch.setattr(checkpoints, "CHECKPOINT_S", -1.0)
    assert run.checkpoints.due(7)
