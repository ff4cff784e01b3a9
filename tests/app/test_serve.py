"""`instag serve`: its options, and what it says without its packages."""

import subprocess
import sys
from pathlib import Path

import pytest

from instag.app.serve import ServeOptions
from instag.errors import BadArgument
from models.baking import EARLIER

WITHOUT = """
import sys

sys.modules.update(dict.fromkeys(sys.argv.pop(1).split(",")))
from instag.cli import main

main()
"""


@pytest.mark.parametrize("words", [("serve", EARLIER), ("app",)])
def test_without_the_extra_it_says_what_to_install(words: tuple[str | Path, ...]):
    """Nothing of the extra is there, as after a plain `pip install .`."""
    absent = "fastapi,starlette,uvicorn,websockets,aiortc"
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT, absent, *words], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "pip install 'instag[app]'" in result.stderr


def test_a_certificate_needs_its_key():
    with pytest.raises(BadArgument, match="belong together"):
        ServeOptions(tls_cert=Path("cert.pem"))


def test_options_have_limits():
    with pytest.raises(BadArgument, match="Give at most"):
        ServeOptions(look_ahead=0.5)


def test_it_serves_until_it_is_stopped(run, monkeypatch):
    uvicorn = pytest.importorskip("uvicorn", reason="the extra `app` is not installed")
    served = []
    monkeypatch.setattr(uvicorn.Server, "run", lambda server: served.append(server.config))
    result = run("serve", EARLIER, "--host", "0.0.0.0", "--port", "9000", "--size", "80")
    assert result.exit_code == 0
    assert "http://0.0.0.0:9000/?token=" in result.stdout
    assert "https" in result.stderr
    assert (served[0].host, served[0].port) == ("0.0.0.0", 9000)
    assert "token" not in run("serve", EARLIER).stdout


def test_other_files_are_refused(run, tmp_path):
    (tmp_path / "me.mp4").write_bytes(b"no avatar")
    assert run("serve", tmp_path / "me.mp4").exit_code != 0
