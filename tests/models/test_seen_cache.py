"""The seen Gaussians of an avatar: found once, kept in its file or in the cache, and the same."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from instag.models import seen_cache
from instag.models.avatar import Avatar
from instag.models.baked_head import BakedHead
from instag.models.scaled_avatar import scaled
from instag.models.seen_cache import seen_gaussians_of, with_seen_gaussians
from instag.models.seen_gaussians import SeenGaussians
from instag.models.seen_search import search_seen_gaussians
from models.baking import baked, earlier


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[int]:
    """The sizes of pictures that were searched for; small ones are 48 pixels large."""
    done: list[int] = []

    def search(avatar: Avatar, baked: BakedHead) -> SeenGaussians:
        done.append(avatar.info.size)
        return search_seen_gaussians(avatar, baked)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(seen_cache, "LIVE_SIZES", (48, 64, 128))
    monkeypatch.setattr("instag.models.scaled_avatar.SIZES", (16, 1024))
    monkeypatch.setattr(seen_cache, "search_seen_gaussians", search)
    return done


def same(one: SeenGaussians, other: SeenGaussians) -> bool:
    return (
        torch.equal(one.face, other.face)
        and torch.equal(one.mouth, other.mouth)
        and (one.basis, one.psnr) == (other.basis, pytest.approx(other.psnr))
    )


def test_an_avatar_keeps_those_of_its_sizes(searches, tmp_path):
    with_seen_gaussians(replace(earlier(), baked=baked())).save(tmp_path / "me.avatar")
    assert searches == [48, 64]
    again = Avatar.open(tmp_path / "me.avatar")
    assert again.baked is not None
    for size in (64, 48):
        shown = scaled(again, size)
        found = seen_gaussians_of(shown, again.baked)
        assert any(found is each for each in again.seen)
        assert same(found, search_seen_gaussians(shown, again.baked))
    assert searches == [48, 64]
    scaled(again, 48).save(tmp_path / "small.avatar")
    assert len(Avatar.open(tmp_path / "small.avatar").seen) == 2


def test_an_older_avatar_finds_them_once(searches):
    first, second = (seen_gaussians_of(earlier(), baked()) for _ in range(2))
    assert same(first, second)
    assert searches == [64]
    seen_gaussians_of(scaled(earlier(), 48), baked())
    assert searches == [64, 48]


def test_those_of_another_head_are_not_used(searches):
    kept = with_seen_gaussians(replace(earlier(), baked=baked()))
    turned = replace(kept, viewmats=kept.viewmats.flip(0))
    other = replace(baked(), head_id=7)
    del searches[:]
    seen_gaussians_of(turned, baked())
    seen_gaussians_of(kept, other)
    assert searches == [64, 64]


def test_without_a_baked_head_that_is_near_there_are_none(searches):
    poor = replace(earlier(), baked=replace(baked(), psnr=44.0))
    assert with_seen_gaussians(poor) is poor
    assert with_seen_gaussians(earlier()) is earlier()
    assert not searches
