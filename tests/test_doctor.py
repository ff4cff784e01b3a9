"""The doctor finds what is there, names what is not, and never fails itself."""

import json
import sys
from pathlib import Path

import pytest

from instag import doctor
from instag.doctor import State, examine
from instag.runtime import device


def test_this_machine_works() -> None:
    checks = {check.name: check for check in examine()}
    broken = {name: check.found for name, check in checks.items() if check.state is State.BROKEN}
    assert not broken
    assert checks["video encoders"].found.startswith("H.264 and AAC")


def test_a_package_that_does_not_import_is_broken_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)
    check = next(check for check in examine() if check.name == "safetensors")
    assert check.state is State.BROKEN
    assert "pip install" in check.mend
    assert '"safetensors>=' in check.mend


def test_full_disk_is_broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "DISK_GB", float("inf"))
    check = next(check for check in examine(tmp_path) if check.name == "disk")
    assert check.state is State.BROKEN
    assert str(tmp_path) in check.found


def test_whatever_needs_mending_says_how() -> None:
    assert all(check.mend for check in examine() if check.state is State.BROKEN)


def test_command_leaves_with_1_when_something_is_broken(
    run, monkeypatch: pytest.MonkeyPatch
) -> None:
    well = run("doctor")
    assert well.exit_code == 0
    assert well.stdout.startswith("All is well: ")
    needed, optional = well.stdout.split("Optional, and not here:")
    assert not any(line.startswith("- ") for line in needed.splitlines())
    assert all(line.startswith(("- ", "  ")) for line in optional.splitlines() if line)
    monkeypatch.setattr(doctor, "DISK_GB", float("inf"))
    result = run("doctor", "--json")
    assert result.exit_code == 1
    assert [
        check["name"] for check in json.loads(result.stdout)["checks"] if check["state"] == "broken"
    ] == ["disk"]


def test_optional_parts_break_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("instag.assets.backend._installed", lambda package: False)
    assert doctor._extra("dev").state is State.OPTIONAL
    assert not [
        check
        for check in examine()
        if check.name.startswith("extra") and check.state is not State.OPTIONAL
    ]


def test_declared_backends_are_listed() -> None:
    checks = {check.name: check.found for check in examine()}
    assert "numba" in checks["renderers"]
    assert "mel" in checks["speech front ends"]
    assert "video" in checks["outputs"]


def gpu(monkeypatch: pytest.MonkeyPatch, **world: object) -> doctor.Check:
    """What the doctor says of the GPU on a machine where torch, gsplat and the compiler are as
    given."""
    has = {
        "cuda": True,
        "driver": True,
        "build": "13.0",
        "gsplat": True,
        "kernels": False,
        "nvcc": True,
        "capability": (9, 0),
    } | world
    monkeypatch.setattr("torch.cuda.is_available", lambda: has["cuda"])
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda index: "NVIDIA H100")
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda index: has["capability"])
    monkeypatch.setattr("torch.cuda.get_arch_list", lambda: ["sm_75", "sm_90", "compute_120"])
    monkeypatch.setattr("torch.version.cuda", has["build"])
    monkeypatch.setattr(device, "_gsplat_has_kernels", lambda: has["kernels"])
    monkeypatch.setattr(doctor, "gsplat_built", lambda: has["kernels"])
    monkeypatch.setattr(device, "_compiler", lambda: "/usr/bin/nvcc" if has["nvcc"] else None)
    monkeypatch.setattr(
        "shutil.which",
        lambda name, path=None: (
            "/usr/bin/nvidia-smi" if name == "nvidia-smi" and has["driver"] else None
        ),
    )
    monkeypatch.setattr("pathlib.Path.exists", lambda self: has["driver"])
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: object() if has["gsplat"] else None
    )
    monkeypatch.setattr("importlib.metadata.version", lambda name: "1.5.3")
    monkeypatch.setitem(sys.modules, "gsplat", None)  # importing it would fail
    return doctor._gpu()


@pytest.mark.parametrize(
    "world, state, found, mend",
    [
        (
            {"cuda": False, "driver": False, "build": None},
            State.OPTIONAL,
            "no NVIDIA GPU: the CPU is used",
            "",
        ),
        (
            {"cuda": False, "build": None},
            State.OPTIONAL,
            "built for the CPU alone",
            "-m pip install torch",
        ),
        ({"cuda": False}, State.OPTIONAL, "the driver may be older than CUDA 13.0", "nvidia-smi"),
        (
            {"capability": (6, 1)},
            State.OPTIONAL,
            "has no code for NVIDIA H100 (compute capability 6.1",
            "",
        ),
        (
            {"gsplat": False},
            State.OPTIONAL,
            "NVIDIA H100, but gsplat",
            '-m pip install "instag[gpu]"',
        ),
        ({"nvcc": False}, State.OPTIONAL, "nvcc was not found", "CUDA_HOME"),
        ({}, State.OK, "NVIDIA H100, gsplat 1.5.3; it compiles its kernels at the first use", ""),
        ({"nvcc": False, "kernels": True}, State.OK, "NVIDIA H100, gsplat 1.5.3", ""),
    ],
)
def test_the_gpus_line_names_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, world: dict[str, object], state: State, found: str, mend: str
) -> None:
    check = gpu(monkeypatch, **world)
    assert check.state is state
    assert found in check.found
    assert mend in check.mend
    assert bool(check.mend) == bool(mend)
    assert ("compiles" in check.found) == (world == {})
