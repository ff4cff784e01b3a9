"""Consent is kept in an avatar's file, avatars without it open, and damaged ones are refused."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from instag.errors import NotAnArtefact
from instag.models.avatar import Avatar
from instag.models.avatar_members import CONSENT
from instag.models.consent import Consent, consent_of

CONSENT_GIVEN = Consent(
    sentence="I agree that an avatar of me is made.", recording_sha256="ab" * 32, spoken=True
)
EARLIER = Path(__file__).parent.parent / "artefacts" / "audio.avatar"


def test_an_avatar_keeps_it(tmp_path: Path) -> None:
    avatar = Avatar.open(EARLIER)
    assert avatar.consent is None
    replace(avatar, consent=CONSENT_GIVEN).save(tmp_path / "me.avatar")
    again = Avatar.open(tmp_path / "me.avatar")
    assert again.consent == CONSENT_GIVEN
    assert again.info == avatar.info


def test_what_others_wrote_is_checked() -> None:
    good = json.loads(CONSENT_GIVEN.as_json())
    assert consent_of(json.dumps(good).encode()) == CONSENT_GIVEN
    for name, value in {
        "sentence": "two\nlines",
        "recording_sha256": "../../etc/passwd",
        "spoken": "yes",
    }.items():
        with pytest.raises(ValueError):
            consent_of(json.dumps(good | {name: value}).encode())


def test_an_avatar_with_a_damaged_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "me.avatar"
    Avatar.open(EARLIER).save(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(CONSENT, b"[]")
    with pytest.raises(NotAnArtefact, match=r"consent\.json"):
        Avatar.open(path)
