"""Recorded steps: the gradients of steps that are launched, and nothing waits while it is
recorded."""

import subprocess
import sys
from dataclasses import replace
from unittest.mock import Mock

import pytest
import torch

from instag.data.clip import Clip
from instag.data.splits import split
from instag.rendering.gsplat_renderer import GsplatRenderer
from instag.training import recipes
from instag.training.adapt import stages_of
from instag.training.adapt_inputs import load_inputs
from instag.training.head_start import head_training
from instag.training.recipes import batched
from instag.training.running_stage import RunningStage
from instag.training.schedules import Always, shortened
from instag.training.stages.stage import Step, StepOutput
from instag.training.step_recorder import StepRecorder
from pretended import pretended_gpu
from shared_files import copied_clip

CUDA = torch.device("cuda")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return copied_clip(tmp_path_factory.mktemp("one") / "me.clip", seed=1, frames=55)


def all_at_once() -> recipes.AdaptRecipe:
    """A recipe whose first step has every term."""
    few = batched(shortened(recipes.few(), 0.004), 2)
    face, mouth, fuse = few.face, few.mouth, few.fuse
    names = ("alpha", "motion", "offset", "lips_attention", "hair_attention", "normals", "depth")
    terms = {name: replace(getattr(face, name), active=Always()) for name in names}
    perceptual = replace(face.perceptual, active=Always())
    return replace(
        few,
        size=96,
        face_splats=100,
        mouth_splats=50,
        face=replace(face, **terms, perceptual=perceptual, aligner_after=0, closed_lids=0.5),
        mouth=replace(mouth, aligner_after=0),
        fuse=replace(fuse, perceptual=replace(fuse.perceptual, active=Always())),
    )


def launched_once(clip: Clip, name: str) -> tuple[RunningStage, StepRecorder, StepOutput]:
    """A stage whose first step was launched, what records its further ones, and that step's
    output."""
    recipe, renderer = all_at_once(), GsplatRenderer()
    frames = split(len(clip), n_views=50)
    inputs = load_inputs(clip, recipe, frames, front_end="motion", device=CUDA)
    training = head_training(inputs, recipe, None, renderer, seed=0)
    stage = stages_of(training, inputs, recipe, None)[name]()
    running = RunningStage(stage)
    output = running.compute_gradients(Step(person_step=1, people=training.people.here), 1)
    return running, StepRecorder(stage, renderer, running.own[0].parameters), output


@pytest.mark.parametrize("name", ["face", "mouth", "fuse"])
def test_a_recorded_step_has_the_gradients_of_a_launched_one(
    clip: Clip, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with pretended_gpu(monkeypatch):
        running, recorder, launched = launched_once(clip, name)
        parameters = running.own[0].parameters()
        wanted = [None if each.grad is None else each.grad.clone() for each in parameters]
        assert recorder.compute(1) is None, "the first step of a phase is launched"
        recorded = recorder.compute(1)
        assert recorded is not None
        assert set(recorded.losses) == set(launched.losses)
        for term, value in launched.losses.items():
            torch.testing.assert_close(recorded.losses[term], value)
        for parameter, gradient in zip(parameters, wanted, strict=True):
            if gradient is None:
                assert parameter.grad is None or not parameter.grad.any()
            else:
                torch.testing.assert_close(parameter.grad, gradient, rtol=1e-3, atol=1e-7)
        assert recorded.rendering.means2d.shape == launched.rendering.means2d.shape


def test_recordings_and_their_memory_end_with_their_parameters(
    clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pretended_gpu(monkeypatch):
        running, recorder, _ = launched_once(clip, "fuse")
        assert recorder.compute(2) is None
        assert recorder.compute(3) is not None
        pools, freed = iter(range(1, 9)), Mock()
        monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: next(pools))
        monkeypatch.setattr(torch.cuda, "empty_cache", freed)
        face = running.people.here[0].face
        face.dc = torch.nn.Parameter(face.dc.detach().clone())
        renewed = RunningStage(running.stage)
        monkeypatch.setattr(recorder, "_parameters", renewed.own[0].parameters)
        assert recorder.compute(4) is None
        assert next(pools) == 2, "further recordings have a pool of their own"
        freed.assert_called_once()


def test_steps_that_cannot_be_recorded_are_launched(
    clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 GiB. And so on")

    with pretended_gpu(monkeypatch):
        running, recorder, _ = launched_once(clip, "fuse")
        with monkeypatch.context() as short:
            short.setattr(running.stage, "deform", full)
            assert recorder.compute(2) is None
            with pytest.warns(UserWarning, match="launched: CUDA out of memory"):
                assert recorder.compute(3) is None
        assert recorder.compute(4) is None


def test_no_package_of_symbols_is_imported_for_gradients() -> None:
    """It takes seconds."""
    program = """
import sys, torch
from instag.training.step_recorder import _with_slopes
leaf = torch.ones(2, requires_grad=True)
total = _with_slopes([leaf * 3, leaf.sum()], [torch.tensor([1.0, 2.0]), torch.tensor(10.0)])
assert torch.autograd.grad(total + leaf[0], leaf)[0].tolist() == [14.0, 16.0]
assert "sympy" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
