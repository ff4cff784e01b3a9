"""Sessions of onnxruntime."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from instag.assets.onnx_session import onnx_session, open_onnx
from instag.errors import AssetDamaged
from instag.perception.bundled_network import BUNDLED, BundledNetwork

MODEL = BUNDLED / "face_mesh.onnx"


def test_threads_are_those_asked_for():
    options = onnx_session(MODEL.read_bytes(), threads=1).get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    assert open_onnx(MODEL).get_session_options().intra_op_num_threads == 0


def test_nothing_about_the_machine_is_kept_or_sent(tmp_path: Path):
    script = (
        "import pathlib, instag.doctor, instag.assets.onnx_session as opened\n"
        "instag.doctor._package('onnxruntime')\n"
        f"opened.open_onnx(pathlib.Path({str(MODEL)!r}))"
    )
    quiet = {"ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "CI", "GITHUB_ACTIONS"}
    fresh = {name: value for name, value in os.environ.items() if name not in quiet}
    homes = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "USERPROFILE"), str(tmp_path))
    subprocess.run([sys.executable, "-c", script], env=fresh | homes, check=True)
    assert not list(tmp_path.rglob("*onnxruntime*"))


def test_a_bundled_network_is_that_session():
    network, session = BundledNetwork("face_mesh"), onnx_session(MODEL.read_bytes())
    values = np.random.default_rng(0).random(network.shape, np.float32)
    outputs = session.run(None, {session.get_inputs()[0].name: values})
    for one, other in zip(network(values), outputs, strict=True):
        np.testing.assert_allclose(one, np.asarray(other), atol=1e-3)


def test_what_is_no_onnx_is_told_by_its_name(tmp_path: Path):
    (tmp_path / "mine.onnx").write_bytes(b"rubbish")
    with pytest.raises(AssetDamaged, match=r"mine\.onnx is damaged, or is not an ONNX file"):
        open_onnx(tmp_path / "mine.onnx")
