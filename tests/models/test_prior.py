"""The prior's file: what is written is read, what is no prior is told apart, and a head begins with
it."""

import json
import zipfile

import pytest
import torch

from instag.errors import FileMissing, NewerFormat, NotAnArtefact
from instag.models.gaussians import random_gaussians
from instag.models.head import Head, new_head
from instag.models.prior import Prior, PriorInfo, empty_fields
from instag.types import Conditioning


def prior(channels: int = 80) -> Prior:
    face, mouth = empty_fields(Conditioning(kind="audio", channels=channels, steps=16))
    generator = torch.Generator().manual_seed(1)
    for parameter in (*face.parameters(), *mouth.parameters()):
        parameter.copy_(torch.randn(parameter.shape, generator=generator))
    face.speech.level.copy_(torch.tensor([-2.0, 3.0]))
    info = PriorInfo(
        made_by="instag test",
        front_end="mel",
        hears="mel 1",
        conditioning=Conditioning(kind="audio", channels=channels, steps=16),
        people=2,
        training={"seed": 1},
    )
    return Prior(info=info, face=face, mouth=mouth)


def head(channels: int = 80) -> Head:
    generator = torch.Generator().manual_seed(0)
    return new_head(
        face=random_gaussians(7, 1, generator),
        mouth=random_gaussians(5, 1, generator, mouth=True),
        conditioning=Conditioning(kind="audio", channels=channels, steps=16),
    )


def test_what_is_written_is_read(tmp_path):
    first = prior()
    first.save(tmp_path / "my.prior")
    second = Prior.open(tmp_path / "my.prior")
    assert second.info == first.info
    assert second.digest() == first.digest()
    assert (tmp_path / "my.prior").stat().st_size < 4e6


def test_a_head_begins_with_its_fields():
    begun, known = head(), prior()
    known.begin(begun)
    state = known.state()
    assert all(
        torch.equal(value, state[f"face.{name}"])
        for name, value in begun.face.field.state_dict().items()
    )
    assert all(
        torch.equal(value, state[f"mouth.{name}"])
        for name, value in begun.mouth.field.state_dict().items()
    )
    with pytest.raises(ValueError, match="shapes"):
        known.begin(head(29))


def test_missing_and_foreign_files_are_told_apart(tmp_path):
    with pytest.raises(FileMissing, match="instag pretrain"):
        Prior.open(tmp_path / "none.prior")
    (tmp_path / "text.prior").write_text("hello")
    with pytest.raises(NotAnArtefact, match="not a prior"):
        Prior.open(tmp_path / "text.prior")


def test_damage_and_newer_formats_are_told_apart(tmp_path):
    prior().save(tmp_path / "my.prior")
    with zipfile.ZipFile(tmp_path / "my.prior") as package:
        about, fields = json.loads(package.read("prior.json")), package.read("fields.safetensors")
    with zipfile.ZipFile(tmp_path / "newer.prior", "w") as package:
        package.writestr("prior.json", json.dumps(about | {"format_version": 99}))
        package.writestr("fields.safetensors", fields)
    with pytest.raises(NewerFormat, match="99"):
        Prior.open(tmp_path / "newer.prior")
    with zipfile.ZipFile(tmp_path / "cut.prior", "w") as package:
        package.writestr("prior.json", json.dumps(about))
        package.writestr("fields.safetensors", fields[:100])
    with pytest.raises(NotAnArtefact, match="damaged"):
        Prior.open(tmp_path / "cut.prior")
