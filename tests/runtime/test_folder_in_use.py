"""One at a time works in a folder."""

import subprocess
import sys
from pathlib import Path

import pytest

from instag.errors import NotWritable
from instag.runtime.folder_in_use import alone_in

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="folders have no locks there")
KILLED = """
import os, sys
from pathlib import Path
from instag.runtime.folder_in_use import alone_in
with alone_in(Path(sys.argv[1]), "training"):
    os.kill(os.getpid(), 9)
"""


def test_the_second_is_refused_while_the_first_works(tmp_path: Path) -> None:
    with alone_in(tmp_path, "training"):
        with pytest.raises(NotWritable, match="Another training writes into"):
            alone_in(tmp_path, "training").__enter__()
        with alone_in(tmp_path.parent, "training"):
            pass
    with alone_in(tmp_path, "training"):
        assert list(tmp_path.iterdir()) == []  # the mark is no file


def test_who_is_killed_uses_it_no_more(tmp_path: Path) -> None:
    assert subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)]).returncode == -9
    with alone_in(tmp_path, "training"):
        pass
