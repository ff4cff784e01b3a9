"""The doctor finds what is there, names what is not, and never fails itself."""

import json
import sys
from pathlib import Path

import pytest

from instag import doctor
from instag.doctor import State, examine


def test_this_machine_works() -> None:
    checks = {check.name: check for check in examine()}
    broken = {name: check.found for name, check in checks.items() if check.state is State.BROKEN}
    assert not broken
    assert checks["video encoders"].found == "H.264 and AAC"


def test_a_package_that_does_not_import_is_broken_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    check = next(check for check in examine() if check.name == "mediapipe")
    assert check.state is State.BROKEN
    assert "pip install" in check.mend
    assert "'mediapipe==" in check.mend


def test_full_disk_is_broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "DISK_GB", float("inf"))
    check = next(check for check in examine(tmp_path) if check.name == "disk")
    assert check.state is State.BROKEN
    assert str(tmp_path) in check.found


def test_whatever_needs_mending_says_how() -> None:
    assert all(check.mend for check in examine() if check.state is State.BROKEN)


def test_command_leaves_with_1_when_something_is_broken(run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("doctor").exit_code == 0
    monkeypatch.setattr(doctor, "DISK_GB", float("inf"))
    result = run("doctor", "--json")
    assert result.exit_code == 1
    assert [check["name"] for check in json.loads(result.stdout)["checks"] if check["state"] == "broken"] == ["disk"]


def test_optional_parts_break_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert not [check for check in examine() if check.name.startswith("extra") and check.state is not State.OPTIONAL]
