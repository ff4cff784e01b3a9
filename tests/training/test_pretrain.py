"""Pre-training as a whole, on two or three tiny synthetic speakers: it learns, it stops and goes
on, several processes agree with one."""

import json
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from instag.capture.measure_action_units import measure_action_units
from instag.data.clip import Clip
from instag.errors import BadArgument
from instag.models.face_field import MotionField
from instag.models.mouth_field import MouthField
from instag.models.prior import BUNDLED, Prior, load_bundled_prior
from instag.speech import registry
from instag.training import distributed, recipes
from instag.training.adapt import adapt
from instag.training.adapt_plan import recipe_for
from instag.training.metrics_writer import METRICS
from instag.training.pretrain import folder_for, pretrain
from instag.training.pretrain_recipes import (
    PRETRAIN_RECIPES,
    default,
    pretrain_recipe_named,
)
from instag.training.schedules import shortened
from shared_files import copied_clip

TINY = replace(shortened(default(), 0.001), size=64, face_splats=120, mouth_splats=50)
WORKER = """
import sys
from test_pretrain import TINY
from instag.training.pretrain import pretrain
pretrain(sys.argv[2:], sys.argv[1], recipe=TINY, together=2)
"""


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("people")
    return [
        copied_clip(folder / f"{seed}.clip", seed=seed, frames=frames).folder
        for seed, frames in ((1, 55), (2, 75), (3, 51))
    ]


def metrics(output: Path) -> list[dict[str, float | str]]:
    lines = (output.with_suffix(".training") / METRICS).read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_two_people_teach_a_prior(people, tmp_path):
    measured = Clip.open(shutil.copytree(people[0], tmp_path / "measured.clip"))
    measure_action_units(measured)
    prior = pretrain([measured, people[1]], tmp_path / "two.prior", recipe=TINY)
    assert prior.info.people == 2
    assert prior.info.training["frames"] == 130
    assert Prior.open(tmp_path / "two.prior").digest() == prior.digest()
    terms = {name for row in metrics(tmp_path / "two.prior") for name in row}
    assert any(float(row.get("expressions", 0)) > 0 for row in metrics(tmp_path / "two.prior"))
    assert {
        "photometric",
        "alpha",
        "motion",
        "contrast",
        "landmarks",
        "lips_attention",
        "hair_attention",
    } <= terms
    assert not list((tmp_path / "two.training").glob("checkpoint*"))


def test_stopped_run_ends_where_an_unbroken_one_does(people, tmp_path):
    whole = pretrain(people, tmp_path / "whole.prior", recipe=TINY, together=2)
    for stage, step in (("face", 9), ("mouth", 6)):

        def stop(name: str, done: int, total: int, stage: str = stage, step: int = step) -> None:
            if (name, done) == (stage, step):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            pretrain(people, tmp_path / "broken.prior", recipe=TINY, together=2, report=stop)
        assert not (tmp_path / "broken.prior").exists()
    begun = []
    again = pretrain(
        people,
        tmp_path / "broken.prior",
        recipe=TINY,
        together=2,
        report=lambda name, done, total: begun.append((name, done)),
    )
    assert begun[0] == ("mouth", 7)
    assert again.digest() == whole.digest()


def test_two_processes_agree_with_one(people, tmp_path):
    pretrain(people, tmp_path / "one.prior", recipe=TINY, together=2)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    meeting = os.environ | {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": "2",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path]),
    }
    command = [sys.executable, "-c", WORKER, str(tmp_path / "both.prior"), *map(str, people)]
    processes = [
        subprocess.Popen(command, env=meeting | {"RANK": str(rank), "LOCAL_RANK": str(rank)})
        for rank in range(2)
    ]
    assert [process.wait(timeout=300) for process in processes] == [0, 0]
    for one, both in zip(
        metrics(tmp_path / "one.prior"), metrics(tmp_path / "both.prior"), strict=True
    ):
        assert one.keys() == both.keys()
        assert all(
            both[name] == pytest.approx(value, rel=1e-4)
            for name, value in one.items()
            if name not in ("time", "stage")
        )
    first, second = (Prior.open(tmp_path / f"{name}.prior") for name in ("one", "both"))
    torch.testing.assert_close(first.state(), second.state(), atol=2e-3, rtol=2e-2)


@pytest.mark.parametrize("number, order", [("0", ["load", "wait"]), ("1", ["wait"])])
def test_one_process_of_a_machine_loads_the_renderer_first(people, monkeypatch, number, order):
    """gsplat 1.5.3 compiles its kernels when it is first loaded, and deletes before what another
    process may be compiling."""
    done = []

    def begin(*arguments: object, **settings: object) -> None:
        raise InterruptedError

    monkeypatch.setenv("LOCAL_RANK", number)
    monkeypatch.setattr(distributed.ProcessGroup, "wait", lambda self: done.append("wait"))
    monkeypatch.setattr("instag.training.pretrain.renderer_for", lambda device: done.append("load"))
    monkeypatch.setattr("instag.training.pretrain.load_people", begin)
    with pytest.raises(InterruptedError):
        pretrain(people[:2], recipe=TINY)
    assert done == order


@pytest.mark.parametrize(
    "processes, devices, backend",
    [(2, ["cuda:0", "cuda:1"], "nccl"), (4, ["cuda:0", "cuda:1", "cuda:0", "cuda:1"], "gloo")],
)
def test_more_processes_than_gpus_share_them(monkeypatch, processes, devices, backend):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: None)
    monkeypatch.setenv("WORLD_SIZE", str(processes))
    found = []
    for rank in range(processes):
        monkeypatch.setenv("RANK", str(rank))
        monkeypatch.setenv("LOCAL_RANK", str(rank))
        found.append(str(distributed.own_device(torch.device("cuda"))))
    assert found == devices
    assert distributed.backend_for(torch.device("cuda"), processes) == backend
    assert distributed.backend_for(torch.device("cpu"), processes) == "gloo"


@pytest.mark.parametrize("name", PRETRAIN_RECIPES)
def test_every_recipe_runs(people, name):
    tiny = replace(
        shortened(pretrain_recipe_named(name), 0.0004), size=64, face_splats=100, mouth_splats=60
    )
    assert (
        pretrain(people[:2], recipe=tiny, share_speech=name == "draft").info.training["recipe"]
        == name
    )


def test_fields_may_hear_motion_in_place_of_speech(people):
    prior = pretrain(people[:2], recipe=shortened(TINY, 0.3), speech="motion")
    assert prior.info.front_end == "motion"
    assert prior.face.speech.level.shape == (2, prior.conditioning.channels)
    small = replace(
        shortened(recipes.few(with_prior=True), 0.001), size=64, face_splats=120, mouth_splats=50
    )
    avatar = adapt(people[2], recipe=small, prior=prior, n_views=50)
    assert avatar.info.front_end == "motion"
    assert avatar.speaker_adapter is not None


def test_one_person_alone_has_nobody_to_differ_from(people):
    assert pretrain(people[:1], recipe=shortened(TINY, 0.3)).info.people == 1


def test_no_clip_and_unknown_recipes_are_refused():
    with pytest.raises(BadArgument, match="No clip"):
        pretrain([])
    with pytest.raises(BadArgument, match="default"):
        pretrain_recipe_named("lengthy")


def test_a_recording_that_is_given_twice_is_refused(people, tmp_path):
    copy = tmp_path / "copy.clip"
    shutil.copytree(people[0], copy)
    with pytest.raises(BadArgument, match=r"copy\.clip are the same recording"):
        pretrain([*people[:2], copy], recipe=TINY)


def test_a_head_begins_with_a_prior(people, tmp_path):
    prior = pretrain(people[:2], tmp_path / "two.prior", recipe=TINY)
    small = replace(
        shortened(recipes.few(with_prior=True), 0.004), size=64, face_splats=120, mouth_splats=50
    )
    with_prior = adapt(people[2], recipe=small, prior=tmp_path / "two.prior", n_views=50)
    assert with_prior.info.front_end == "mel"
    assert prior.digest()[:16] in str(with_prior.info.training["prior"])
    field = with_prior.head.face.field
    torch.testing.assert_close(field.speech.level, prior.face.speech.level)
    kept = torch.nn.functional.cosine_similarity(
        field.encoding.entries, prior.face.encoding.entries, dim=0
    )
    assert kept > 0.7
    without = adapt(people[2], recipe=replace(small, with_prior=False), speech="mel", n_views=50)
    assert without.info.training["prior"] is None
    torch.testing.assert_close(field.expression_range, without.head.face.field.expression_range)
    assert (
        torch.nn.functional.cosine_similarity(
            without.head.face.field.encoding.entries, prior.face.encoding.entries, dim=0
        )
        < 0.5
    )


def test_the_bundled_prior_hears_what_heads_hear():
    prior = load_bundled_prior()
    assert prior.info.hears == registry.identity(prior.info.front_end)
    assert Prior.open(BUNDLED).digest() == prior.digest()


def test_both_fields_begin_with_the_bundled_prior(people):
    small = replace(
        shortened(recipes.few(with_prior=True), 0.002),
        size=64,
        face_splats=120,
        mouth_splats=50,
    )
    avatar, prior = adapt(people[2], recipe=small, n_views=50), load_bundled_prior()
    assert str(avatar.info.training["prior"]).endswith(prior.digest()[:16])

    def near(part: MotionField | MouthField, other: MotionField | MouthField) -> Tensor:
        return torch.nn.functional.cosine_similarity(
            part.encoding.entries, other.encoding.entries, dim=0
        )

    assert near(avatar.head.mouth.field, prior.mouth) > 0.8
    assert near(avatar.head.face.field, prior.face) > 0.8
    afresh = adapt(people[2], recipe=replace(small, with_prior=False), n_views=50, prior="none")
    assert afresh.info.training["prior"] is None
    assert near(afresh.head.face.field, prior.face) < 0.5
    with pytest.raises(BadArgument, match="mel"):
        adapt(people[2], recipe=small, speech="mel", n_views=50)


def test_what_begins_with_a_prior_depends_on_what_drives_a_head():
    def begins(name: str, speech: str | None = None, prior: Prior | None = None) -> bool:
        return recipe_for(name, speech, prior).with_prior

    assert [begins(name) for name in ("draft", "few", "long", "reference")] == [
        True,
        True,
        False,
        False,
    ]
    assert begins("few", speech="motion")
    assert not begins("few", speech="mel")
    assert not begins("reference", speech="motion")
    assert begins("reference", prior=load_bundled_prior())


def test_a_prior_that_hears_otherwise_is_refused(people, tmp_path):
    prior = pretrain(people[:1], recipe=shortened(TINY, 0.3))
    with pytest.raises(BadArgument, match="whisper"):
        adapt(people[0], prior=prior, speech="whisper")
    other = replace(prior, info=replace(prior.info, hears="mel 0"))
    with pytest.raises(BadArgument, match="mel 0"):
        adapt(people[0], prior=other)


def test_a_prior_is_not_called_like_the_folder_of_its_run(tmp_path):
    with pytest.raises(BadArgument, match=r"my\.prior"):
        folder_for(tmp_path / "my.training", "")
    assert folder_for(tmp_path / "my.prior", "") == tmp_path / "my.training"
