"""Speed and size: positive numbers of this machine, and a reason where there is none."""

from dataclasses import replace

import pytest

from evaluation.measured_number import number
from evaluation.talk import unlearned
from instag.data.clip import Clip
from instag.data.clip_info import StageRecord
from instag.evaluation import speed
from instag.evaluation.not_measured import NotMeasured
from instag.evaluation.speed import machine, measure_speed, processor
from instag.models.avatar import Avatar


def test_times_and_sizes_are_those_of_the_avatar(monkeypatch):
    monkeypatch.setattr(speed, "SPOKEN_S", 0.4)
    path, folder = unlearned()
    avatar, clip = Avatar.open(path), Clip.open(folder)
    timed = replace(
        clip,
        info=replace(
            clip.info, stages={"frames": StageRecord(made_by="test", settings={}, seconds=3.25)}
        ),
    )
    found = measure_speed(avatar, timed, path)
    assert (found.prepare_s, found.adapt_s) == (3.25, 2.0)
    assert (found.splats_face, found.splats_mouth) == (50, 20)
    assert found.file_mb == path.stat().st_size / 1e6
    assert min(found.rendering_fps, found.speaking_fps) > 0
    assert number(found.memory_mb) > 50

    nameless = measure_speed(replace(avatar, info=replace(avatar.info, training={})), clip, None)
    for value in (nameless.prepare_s, nameless.adapt_s, nameless.file_mb):
        assert isinstance(value, NotMeasured)


@pytest.mark.parametrize("system, shown", [("linux", 3 * 1.024), ("darwin", 0.003)])
def test_memory_is_in_megabytes_on_each_system(monkeypatch, system, shown):
    import resource

    monkeypatch.setattr(speed.sys, "platform", system)
    monkeypatch.setattr(resource, "getrusage", lambda _: type("Usage", (), {"ru_maxrss": 3_000})())
    assert speed._peak_memory() == pytest.approx(shown)
    monkeypatch.setattr(speed.sys, "platform", "win32")
    assert isinstance(speed._peak_memory(), NotMeasured)


def test_the_machine_is_named():
    assert processor() in machine()
    assert "torch" in machine()
