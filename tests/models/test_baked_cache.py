"""The cache of baked heads: an older avatar bakes on first use alone, and nothing stale or damaged
is used."""

from dataclasses import replace
from pathlib import Path

import pytest

from instag.models import baked_cache
from instag.models.avatar import Avatar
from instag.models.baked_cache import KIND, baked_head_of, with_baked_head
from instag.models.baked_head import BakedHead
from instag.models.tensor_cache import cache_folder
from models.baking import baked, earlier


@pytest.fixture
def bakings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Avatar]:
    """Every small head is worth it; the avatars that were baked."""
    done: list[Avatar] = []

    def bake(avatar: Avatar, device: object = "cpu") -> BakedHead:
        done.append(avatar)
        return baked()

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(baked_cache, "LEAST_SPLATS", 1)
    monkeypatch.setattr(baked_cache, "bake", bake)
    return done


def test_an_older_avatar_bakes_on_first_use(bakings):
    first, second = baked_head_of(earlier()), baked_head_of(earlier())
    assert len(bakings) == 1
    assert first is not None
    assert second is not None
    assert (first.face.shapes == second.face.shapes).all()
    folder = cache_folder(KIND)
    assert folder is not None
    assert [path.suffix for path in folder.iterdir()] == [".safetensors"]


def test_a_damaged_cache_is_made_again(bakings):
    baked_head_of(earlier())
    folder = cache_folder(KIND)
    assert folder is not None
    (path,) = folder.iterdir()
    path.write_bytes(path.read_bytes()[:1000])
    assert baked_head_of(earlier()) is not None
    assert len(bakings) == 2
    baked_head_of(earlier())
    assert len(bakings) == 2


def test_an_avatar_keeps_its_own(bakings, tmp_path):
    with_baked_head(earlier()).save(tmp_path / "me.avatar")
    again = Avatar.open(tmp_path / "me.avatar")
    assert again.baked is not None
    assert again.baked.psnr == pytest.approx(baked().psnr)
    assert baked_head_of(again) is again.baked
    assert len(bakings) == 1


def test_another_head_is_not_painted_with_it(bakings):
    stale = replace(earlier(), baked=replace(baked(), head_id=7))
    assert baked_head_of(stale) is not stale.baked
    assert len(bakings) == 1


def test_a_baked_head_that_is_not_near_is_not_used(bakings):
    assert baked_head_of(replace(earlier(), baked=replace(baked(), psnr=44.0))) is None
    assert not bakings


def test_small_heads_and_heads_of_speech_features_are_left(monkeypatch):
    monkeypatch.setattr(baked_cache, "bake", lambda avatar, device: pytest.fail("baked"))
    assert baked_head_of(earlier()) is None
    assert with_baked_head(earlier()).baked is None
    monkeypatch.setattr(baked_cache, "LEAST_SPLATS", 1)
    audio = Avatar.open(Path(__file__).parents[1] / "artefacts" / "audio.avatar")
    assert baked_head_of(audio) is None
