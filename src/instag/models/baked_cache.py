"""The baked head of an avatar: the one that it keeps, or one baked on first use and kept in the
user's cache."""

from dataclasses import replace

from torch import Tensor

from instag.models.avatar import Avatar
from instag.models.bake import bake
from instag.models.baked_head import BakedHead, check_baked_head, head_id
from instag.models.tensor_cache import cached, file_name

LEAST_SPLATS = 4_000
"""Of a face; the fields of a smaller one take less than is won."""
KIND = "baked"
VERSION = 1
"""Of how heads are baked: files of another one are not read."""


def with_baked_head(avatar: Avatar) -> Avatar:
    """The same with a baked head where that is worth it."""
    return replace(avatar, baked=bake(avatar)) if _is_worth_it(avatar) else avatar


def baked_head_of(avatar: Avatar) -> BakedHead | None:
    """The avatar's own, else that of the cache, else a new one, for the CPU. None for heads that
    fields paint: small ones, those that speech features drive, and those that no number of shapes
    is near enough to."""
    baked = avatar.baked
    if baked is None or baked.head_id != head_id(avatar.head):
        baked = _cached(avatar) if _is_worth_it(avatar) else None
    return baked if baked is not None and baked.near_enough else None


def _is_worth_it(avatar: Avatar) -> bool:
    count = len(avatar.head.face.gaussians)
    return avatar.conditioning.kind == "lip_codes" and count >= LEAST_SPLATS


def _cached(avatar: Avatar) -> BakedHead:
    def read(tensors: dict[str, Tensor]) -> BakedHead:
        check_baked_head(tensors, len(avatar.head.face.gaussians))
        return BakedHead.of_tensors(tensors)

    return cached(
        KIND,
        file_name(VERSION, head_id(avatar.head)),
        read=read,
        compute=lambda: bake(avatar),
        write=BakedHead.tensors,
    )
