"""Seen Gaussians as they are stored: what contradicts the head is refused."""

import math

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor

from instag.models.seen_gaussians import (
    SeenGaussians,
    check_seen_gaussians,
    seen_as_tensors,
    seen_of_tensors,
)

COUNTS = 40, 9


def some(basis: int = 2**62 + 1) -> SeenGaussians:
    face, mouth = (torch.arange(count) % 3 > 0 for count in COUNTS)
    return SeenGaussians(face=face, mouth=mouth, psnr=51.5, basis=basis)


def stored() -> dict[str, Tensor]:
    return load(save(seen_as_tensors([some(), some(-5)])))


def with_byte(value: int) -> Tensor:
    """Truths of the face, one of which is another byte than 0 and 1."""
    bytes_ = stored()["face"].view(torch.uint8).clone()
    bytes_[1, 7] = value
    return bytes_.view(torch.bool)


def test_round_trip():
    check_seen_gaussians(stored(), COUNTS)
    for again, seen in zip(seen_of_tensors(stored()), (some(), some(-5)), strict=True):
        assert (again.psnr, again.basis) == (seen.psnr, seen.basis)
        assert torch.equal(again.face, seen.face)
        assert torch.equal(again.mouth, seen.mouth)
        assert not again.are_all


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("face", torch.ones(2, 41, dtype=torch.bool), "face is 2 x 41, not 2 x 40"),
        ("face", torch.ones(1, 40, dtype=torch.bool), "face is 1 x 40, not 2 x 40"),
        ("mouth", torch.ones(2, 9), "not bool"),
        ("mouth", torch.zeros(2, 9, dtype=torch.bool), "none"),
        ("face", with_byte(2), "neither true nor false"),
        ("face", with_byte(255), "neither true nor false"),
        ("psnr", torch.tensor([math.nan, 50.0]), "psnr"),
        ("psnr", torch.tensor([-1.0, 50.0]), "psnr"),
        ("psnr", torch.tensor([50.0, 50.0], dtype=torch.float64), "another type"),
        ("basis", torch.tensor([1.0, 2.0]), "another type"),
        ("basis", torch.zeros(0, dtype=torch.int64), "sizes"),
        ("basis", torch.zeros(9, dtype=torch.int64), "sizes"),
        ("more", torch.zeros(1), "more"),
    ],
)
def test_what_contradicts_the_head_is_refused(name, value, reason):
    with pytest.raises(ValueError, match=reason):
        check_seen_gaussians(stored() | {name: value}, COUNTS)


@pytest.mark.parametrize("name", ["face", "mouth", "psnr", "basis"])
def test_what_lacks_a_part_is_refused(name):
    tensors = stored()
    del tensors[name]
    with pytest.raises((ValueError, KeyError), match=name):
        check_seen_gaussians(tensors, COUNTS)
