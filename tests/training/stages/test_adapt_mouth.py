"""The mouth stage's losses of motion."""

from dataclasses import replace

import torch

from instag.rendering.reference import ReferenceRenderer
from instag.training.head_start import head_training
from instag.training.stages.adapt_mouth import MouthStage
from shared_files import shared_clip
from training.tiny_heads import TINY, inputs_of


def test_a_mouth_that_moves_as_one_is_not_strained():
    plan = replace(TINY, mouth=replace(TINY.mouth, aligner_after=0))
    inputs = inputs_of(shared_clip(frames=60), plan, front_end="motion")
    training = head_training(inputs, plan, None, ReferenceRenderer(), seed=0)
    stage = MouthStage(training, plan.mouth)
    assert stage.compute_losses(training.person, 0).losses["neighbor_strain"] > 0
    torch.nn.init.zeros_(list(training.head.mouth.field.motion.parameters())[-1])
    assert stage.compute_losses(training.person, 0).losses["neighbor_strain"] == 0
