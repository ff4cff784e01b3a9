"""A run's folder: metrics without TensorBoard and with it, rows that agree with the checkpoint, and
checkpoints of other runs that are left aside."""

import json
import logging
from pathlib import Path

import pytest
import torch

from instag.errors import NotAnArtefact, TrainingFailed
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


def test_checkpoints_come_by_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = opened(tmp_path)
    assert not run.checkpoints.due(7)
    monkeypatch.setattr(checkpoints, "CHECKPOINT_S", -1.0)
    assert run.checkpoints.due(7)
