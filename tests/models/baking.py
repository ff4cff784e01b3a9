"""A small talking head and its baked twin, for tests."""

from functools import cache
from pathlib import Path

from instag.models.avatar import Avatar
from instag.models.bake import bake
from instag.models.baked_head import BakedHead

EARLIER = Path(__file__).parents[1] / "artefacts" / "lip_codes.avatar"
"""Written before heads were baked; of 150 Gaussians and 64 pixels."""


@cache
def earlier() -> Avatar:
    return Avatar.open(EARLIER)


@cache
def baked() -> BakedHead:
    return bake(earlier())
