"""The seen Gaussians of an avatar: those that it keeps, or those found on first use and kept in the
user's cache."""

from dataclasses import replace

from torch import Tensor

from instag.models.avatar import Avatar
from instag.models.baked_head import BakedHead
from instag.models.scaled_avatar import info_of_size
from instag.models.seen_gaussians import (
    SeenGaussians,
    check_seen_gaussians,
    seen_as_tensors,
    seen_of_tensors,
)
from instag.models.seen_search import VERSION, basis_of, search_seen_gaussians
from instag.models.tensor_cache import cached, file_name

LIVE_SIZES = (256,)
"""Pixels of a side of pictures that live heads are often shown in, besides their own size."""
KIND = "seen"


def with_seen_gaussians(avatar: Avatar) -> Avatar:
    """The same with those of its own and smaller live pictures, where it has a baked head that may
    be painted."""
    if avatar.baked is None or not avatar.baked.near_enough:
        return avatar
    sizes = sorted({avatar.info.size, *(size for size in LIVE_SIZES if size < avatar.info.size)})
    infos = [info_of_size(avatar.info, size) for size in sizes]
    seen = tuple(search_seen_gaussians(replace(avatar, info=info), avatar.baked) for info in infos)
    return replace(avatar, seen=seen)


def seen_gaussians_of(avatar: Avatar, baked: BakedHead) -> SeenGaussians:
    """The avatar's own, else those of the cache, else new ones, for the CPU. baked: of its head."""
    basis = basis_of(avatar, baked)
    for seen in avatar.seen:
        if seen.basis == basis:
            return seen
    counts = len(avatar.head.face.gaussians), len(avatar.head.mouth.gaussians)

    def read(tensors: dict[str, Tensor]) -> SeenGaussians:
        check_seen_gaussians(tensors, counts)
        (found,) = seen_of_tensors(tensors)
        return found

    return cached(
        KIND,
        file_name(VERSION, basis),
        read=read,
        compute=lambda: search_seen_gaussians(avatar, baked),
        write=lambda found: seen_as_tensors([found]),
    )
