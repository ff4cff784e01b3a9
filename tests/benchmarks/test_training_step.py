"""The parts of a training step: each that is named is there, in every stage."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.machine import Machine

from benchmarks import training_step
from instag.training.adapt_recipe import AdaptRecipe, batched
from instag.training.recipes import draft
from instag.training.schedules import shortened
from shared_files import shared_clip

PARTS = {"read", "encode", "motion", "rasterize", "loss", "backward", "optimizer"}


def tiny() -> AdaptRecipe:
    recipe = batched(shortened(draft(), 0.01), 2)
    face, mouth, fuse = (
        replace(stage, steps=8) for stage in (recipe.face, recipe.mouth, recipe.fuse)
    )
    face, fuse = replace(face, perceptual_patch=32), replace(fuse, perceptual_patch=32)
    sizes = {"size": 64, "face_splats": 200, "mouth_splats": 100}
    return replace(recipe, **sizes, face=face, mouth=mouth, fuse=fuse)


def test_every_part_of_every_stage_takes_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_step, "STEPS", 2)
    machine = Machine(name="some machine", bandwidth=1e9, rate=1e9)
    clip = shared_clip(seed=1, frames=55)
    rows, seconds, *_ = training_step.measure(clip, tiny(), torch.device("cpu"), machine, views=50)
    assert [row.stage for row in rows] == ["face", "mouth", "fuse"]
    for row in rows:
        assert ("density" in row.parts) == (row.stage != "fuse")
        assert {name for name, spent in row.parts.items() if spent > 0} >= PARTS
        assert row.floor > 0
    assert set(seconds) == {"start", "face", "mouth", "fuse", "memory"}
    assert len(training_step.table(rows)) == 2 + len(rows)
