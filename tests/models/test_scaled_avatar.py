"""A scaled avatar shows the same head in pictures of another size."""

import cv2
import numpy as np
import pytest
import torch

from instag.errors import BadArgument
from instag.models.avatar import Avatar
from instag.models.scaled_avatar import scaled
from instag.synthesis.options import SpeakOptions
from instag.synthesis.speak import frames
from instag.types import SAMPLES
from models.baking import earlier


def spoken(avatar: Avatar) -> np.ndarray:
    return next(iter(frames(avatar, torch.zeros(SAMPLES), SpeakOptions())))


def test_its_pictures_are_enlarged_ones():
    large = spoken(scaled(earlier(), 128))
    assert large.shape == (128, 128, 3)
    expected = cv2.resize(spoken(earlier()), (128, 128), interpolation=cv2.INTER_CUBIC)
    assert np.abs(large.astype(int) - expected).mean() < 6


def test_its_own_size_is_itself():
    assert scaled(earlier(), 64) is earlier()


def test_sizes_have_limits():
    with pytest.raises(BadArgument, match="64 to 1024"):
        scaled(earlier(), 4000)
