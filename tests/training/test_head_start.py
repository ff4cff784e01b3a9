"""Heads as their training begins: what they can be asked for beyond what was seen."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from instag.capture.measure_action_units import measure_action_units
from instag.data.clip import Clip
from instag.motion.expression_basis import load_expression_basis
from instag.motion.expression_displacement import BLINK_ROW, ENOUGH
from instag.training import recipes
from instag.training.head_start import initialize_head
from instag.types import BLINK_LIMIT
from shared_files import copied_clip
from training.tiny_heads import inputs_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied_clip(tmp_path_factory.mktemp("clip") / "me.clip", frames=60).folder


def test_expressions_that_were_not_seen_are_taught(folder, tmp_path):
    blinking, staring = (
        Clip.open(shutil.copytree(folder, tmp_path / f"{name}.clip"))
        for name in ("blinking", "staring")
    )
    measure_action_units(blinking)
    track, closing = blinking.track(), blinking.action_units()["AU45"] > 0
    track.landmarks[closing] = track.landmarks[~closing][:1]
    staring.save_track(track)
    measure_action_units(staring)
    ranges, few, lacking = {}, recipes.few(), {}
    cases = {
        "staring": (staring, few),
        "given": (Clip.open(folder), few),
        "paper": (staring, recipes.reference()),
        "blinking": (blinking, few),
    }
    for name, (clip, recipe) in cases.items():
        small = replace(recipe, size=64, face_splats=50, mouth_splats=50)
        inputs = inputs_of(clip, small)
        head = initialize_head(inputs, small, None, seed=0)
        assert (inputs.expressions is not None) == (name in ("staring", "blinking"))
        ranges[name], seen = head.face.field.expression_range, inputs.dataset.expression[:50]
        if inputs.expressions is not None:
            lacking[name] = inputs.expressions.flow.strongest > 0
            assert ranges[name][1, BLINK_ROW] >= BLINK_LIMIT
        else:
            torch.testing.assert_close(ranges[name], torch.stack([seen.amin(0), seen.amax(0)]))
    assert lacking["staring"][BLINK_ROW]
    assert not lacking["blinking"][BLINK_ROW]
    # Units that the person shows enough of keep the person's own range.
    strongest = load_expression_basis().strongest
    least = torch.where(lacking["staring"], 1.0, ENOUGH) * strongest
    assert (ranges["staring"][1] >= least).all()
    assert (ranges["staring"][1] >= ranges["paper"][1]).all()
