"""Recorded steps: the gradients of steps that are launched, and nothing waits while it is
recorded."""

import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch

from instag.data.clip import Clip
from instag.data.splits import split
from instag.rendering.gsplat_renderer import GsplatRenderer
from instag.training import pretrain, pretrain_recipes, recipes
from instag.training.adapt import stages_of
from instag.training.adapt_inputs import load_inputs
from instag.training.adapt_recipe import AdaptRecipe, batched
from instag.training.distributed import ProcessGroup
from instag.training.head_start import head_training
from instag.training.people import People, Person
from instag.training.person_sampler import PersonSampler
from instag.training.pretrain import initialize_fields
from instag.training.pretrain_inputs import load_people
from instag.training.running_stage import RunningStage
from instag.training.schedules import Always, shortened
from instag.training.stages.step import StepOutput
from instag.training.step_recorder import RecordedMemory, StepRecorder
from pretended import pretended_gpu
from shared_files import copied_clip

CUDA = torch.device("cuda")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return copied_clip(tmp_path_factory.mktemp("one") / "me.clip", seed=1, frames=55)


def all_at_once() -> AdaptRecipe:
    """A recipe whose first step has every term."""
    few = batched(shortened(recipes.few(), 0.004), 2)
    face, mouth, fuse = few.face, few.mouth, few.fuse
    names = ("alpha", "motion", "offset", "lips_attention", "hair_attention", "normals", "depth")
    names = (*names, "depth_spread", "depth_roughness")
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
    output = running.compute_gradients(training.person, 1)
    memory = RecordedMemory(CUDA)
    return running, recorder_of(running, renderer, training.person, memory), output


def recorder_of(
    running: RunningStage, renderer: GsplatRenderer, person: Person, memory: RecordedMemory
) -> StepRecorder:
    """What records a person's further steps."""
    parameters = partial(running.parameters, person.number)
    return StepRecorder(running.stage, person, renderer, parameters, memory)


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


def of_two_people(clips: list[Clip], name: str) -> RunningStage:
    """A stage of a pre-training in which every term is on."""
    tiny = pretrain_recipes.batched(shortened(pretrain_recipes.default(), 0.001), 2)
    names = ("alpha", "motion", "lips_attention", "hair_attention", "contrast")
    terms = {each: replace(getattr(tiny.face, each), active=Always()) for each in names}
    recipe = replace(
        tiny,
        size=64,
        face_splats=100,
        mouth_splats=50,
        face=replace(tiny.face, **terms, static_steps=0, closed_lids=0.5),
        mouth=replace(tiny.mouth, static_steps=0),
    )
    sampler, group = PersonSampler(people=2, together=2, seed=0), ProcessGroup()
    here = load_people(clips, recipe, sampler, group, speech="motion", device=CUDA)
    fields = initialize_fields(here, group, sampler, speech="motion", share_speech=False)
    people = People(
        here=here,
        modules={"fields": fields},
        sampler=sampler,
        group=group,
        renderer=GsplatRenderer(),
        seed=0,
    )
    return RunningStage(pretrain.stages_of(people, fields, recipe)[name]())


@pytest.mark.parametrize("name", ["face", "mouth"])
def test_recorded_steps_of_several_people_have_the_gradients_of_launched_ones(
    clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    other = copied_clip(tmp_path / "other.clip", seed=2, frames=60)
    with pretended_gpu(monkeypatch):
        running = of_two_people([clip, other], name)
        memory, people = RecordedMemory(CUDA), running.people.here
        recorders = [recorder_of(running, GsplatRenderer(), each, memory) for each in people]
        for first in (True, False):
            for person, recorder in zip(people, recorders, strict=True):
                parameters = running.parameters(person.number)
                launched = running.compute_gradients(person, 2)
                wanted = [each.grad for each in parameters]
                left = [*vars(launched.rendering).values(), launched.picture]
                assert not any(each.requires_grad for each in left), "its nodes would be alive"
                for each in parameters:
                    each.grad = None
                recorded = recorder.compute(2)
                assert (recorded is None) == first
                if recorded is None:
                    continue
                for term, value in launched.losses.items():
                    torch.testing.assert_close(recorded.losses[term], value)
                for parameter, gradient in zip(parameters, wanted, strict=True):
                    torch.testing.assert_close(parameter.grad, gradient, rtol=1e-3, atol=1e-7)
                    parameter.grad = None


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


def test_where_one_persons_steps_cannot_be_recorded_everybodys_memory_goes_back(
    clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = copied_clip(tmp_path / "other.clip", seed=2, frames=60)
    with pretended_gpu(monkeypatch):
        running = of_two_people([clip, other], "mouth")
        memory, people = RecordedMemory(CUDA), running.people.here
        first, second = (recorder_of(running, GsplatRenderer(), each, memory) for each in people)
        for person, recorder in zip(people, (first, second), strict=True):
            assert recorder.compute(2) is None
            running.compute_gradients(person, 2)
        assert first.compute(2) is not None
        graphs, synchronized = iter(range(1, 9)), Mock()
        monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: next(graphs))
        monkeypatch.setattr(torch.cuda, "synchronize", synchronized)
        with monkeypatch.context() as short:
            short.setattr(running.stage, "deform", Mock(side_effect=RuntimeError("no memory. Ask")))
            with pytest.warns(UserWarning, match="launched: no memory"):
                assert second.compute(2) is None
        synchronized.assert_called_once()
        assert memory.pool == 1, "no graph is left in the old one"
        assert first.compute(2) is None
        assert second.compute(2) is None


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
