"""The sink that an output's name asks for."""

import subprocess
import sys
from pathlib import Path

from instag.synthesis.sink_choice import sink_for


def test_names():
    assert sink_for(Path("-")) == "pipe"
    assert sink_for(Path("frames")) == "frames"
    assert sink_for(Path("folder/out.mp4")) == "video"


def test_an_output_that_exists_is_refused_before_torch_is_loaded(tmp_path: Path):
    files = [tmp_path / name for name in ("me.avatar", "speech.wav", "out.mp4")]
    for file in files:
        file.write_bytes(bytes(range(256)))
    code = (
        "import sys, typer.testing as t; from instag.cli.app import app\n"
        f"words = ['speak', {str(files[0])!r}, {str(files[1])!r}, '-o', {str(files[2])!r}]\n"
        "print(t.CliRunner().invoke(app, words).output)\n"
        "assert 'torch' not in sys.modules"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "exists already" in run.stdout
