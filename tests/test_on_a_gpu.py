"""Heads and priors learned, spoken and judged on a pretended GPU: nothing lies on two devices, and
no step waits."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from instag.data.clip import Clip
from instag.evaluation.crops import Box
from instag.evaluation.held_out import reconstruct
from instag.evaluation.image import compare_pictures
from instag.models.avatar import Avatar
from instag.models.prior import Prior
from instag.ops.lpips import Lpips
from instag.synthesis.options import SpeakOptions
from instag.synthesis.speak import frames
from instag.training import recipes
from instag.training.adapt import adapt
from instag.training.adapt_recipe import AdaptRecipe
from instag.training.pretrain import pretrain
from instag.training.pretrain_recipes import PretrainRecipe, default
from instag.training.schedules import shortened
from ops.test_lpips import random_weights
from pretended import OnGpu, PretendedGpu, pretended_gpu
from shared_files import copied_clip

STEP = (
    "compute_losses",
    "step",
    "accumulate",
    "sum_gradients",
    "update_ema",
    "_read",
    "start",
)
"""What is called for each batch, by whatever thread."""


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("people")
    return [
        copied_clip(folder / f"{seed}.clip", seed=seed, frames=frames).folder
        for seed, frames in ((1, 55), (2, 75))
    ]


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[PretendedGpu]:
    with pretended_gpu(monkeypatch) as gpu:
        yield gpu


def waits_in_steps(gpu: PretendedGpu) -> list[str]:
    """Those that are not of the first step of a stage alone, which puts its frames on the
    device."""
    return [
        wait for wait in gpu.waits if set(STEP) & set(wait.split(" > ")) and "_fill" not in wait
    ]


def tiny(name: str, *, with_prior: bool = False) -> AdaptRecipe:
    return replace(
        shortened(recipes.recipe_named(name, with_prior=with_prior), 0.002),
        size=64,
        face_splats=100,
        mouth_splats=50,
    )


def tiny_prior() -> PretrainRecipe:
    return replace(shortened(default(), 0.001), size=64, face_splats=100, mouth_splats=50)


@pytest.mark.parametrize("recipe, free", [("few", 80 * 2**30), ("reference", 0)])
def test_a_head_is_learned(
    people: list[Path], monkeypatch: pytest.MonkeyPatch, recipe: str, free: int
) -> None:
    """With frames that lie on the device, and with such as are read step by step."""
    with pretended_gpu(monkeypatch, free=free) as gpu:
        avatar = adapt(people[0], recipe=tiny(recipe), n_views=50, device="cuda", batch=2)
    assert waits_in_steps(gpu) == []
    assert not any(
        isinstance(value, OnGpu)
        for value in [*avatar.head.state_dict().values(), avatar.viewmats, avatar.expression]
    )


def test_a_stopped_run_goes_on(people: list[Path], gpu: PretendedGpu, tmp_path: Path) -> None:
    whole = adapt(
        people[0], tmp_path / "whole.avatar", recipe=tiny("few"), n_views=50, device="cuda", batch=2
    )
    for stage in ("face", "mouth"):

        def stop(name: str, done: int, total: int, stage: str = stage) -> None:
            if (name, done) == (stage, 3):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            adapt(
                people[0],
                tmp_path / "broken.avatar",
                recipe=tiny("few"),
                n_views=50,
                device="cuda",
                batch=2,
                report=stop,
            )
    again = adapt(
        people[0],
        tmp_path / "broken.avatar",
        recipe=tiny("few"),
        n_views=50,
        device="cuda",
        batch=2,
    )
    assert gpu.waits
    for name, value in whole.head.state_dict().items():
        torch.testing.assert_close(again.head.state_dict()[name], value)


@pytest.mark.parametrize("speech, share", [("mel", False), ("motion", True)])
def test_a_prior_is_learned_and_begun_with(
    people: list[Path], gpu: PretendedGpu, tmp_path: Path, speech: str, share: bool
) -> None:
    pretrain(
        people,
        tmp_path / "two.prior",
        recipe=tiny_prior(),
        speech=speech,
        share_speech=share,
        device="cuda",
        batch=2,
    )
    assert not any(
        isinstance(value, OnGpu) for value in Prior.open(tmp_path / "two.prior").state().values()
    )
    adapt(
        people[0],
        recipe=tiny("few", with_prior=True),
        prior=tmp_path / "two.prior",
        n_views=50,
        device="cuda",
        batch=2,
    )
    assert waits_in_steps(gpu) == []


@pytest.fixture(scope="module")
def avatar(people: list[Path]) -> Avatar:
    return adapt(people[0], recipe=tiny("few"), n_views=50)


@pytest.mark.parametrize(
    "manner", [SpeakOptions(dilate=True), SpeakOptions(pose="still", expression="still")]
)
def test_a_head_speaks(avatar: Avatar, gpu: PretendedGpu, manner: SpeakOptions) -> None:
    said = list(frames(avatar, torch.full((50 * 640,), 0.1), manner, device="cuda"))
    assert len(said) == 50
    assert said[0].shape == (64, 64, 3)
    assert waits_in_steps(gpu) == []


def test_a_head_is_judged(avatar: Avatar, people: list[Path], gpu: PretendedGpu) -> None:
    lpips = Lpips(random_weights()).to("cuda")
    pairs = list(reconstruct(avatar, Clip.open(people[0]), range(50, 55), device="cuda"))
    assert [pair.prediction.dtype for pair in pairs] == [np.uint8] * 5
    box = Box(left=0, top=0, right=64, bottom=64)
    assert isinstance(
        compare_pictures(pairs[0].prediction, pairs[0].truth, {"full": box}, lpips, device="cuda")[
            "full"
        ].lpips,
        float,
    )


def test_the_pretended_gpu_refuses_what_a_gpu_refuses(gpu: PretendedGpu) -> None:
    here, there = torch.ones(3), torch.ones(3, device="cuda")
    for mixed in (
        lambda: here + there,
        lambda: here[there.long()],
        lambda: torch.cat([here, there]),
        lambda: there.numpy(),
    ):
        with pytest.raises(AssertionError):
            mixed()
    with pytest.raises(AssertionError, match="generator"):
        torch.rand(3, device="cuda", generator=torch.Generator())
    assert not gpu.waits
    assert float((there * 2).sum()) == 6
    assert len(gpu.waits) == 1
    assert (there * torch.tensor(2.0)).device.type == "cuda"
