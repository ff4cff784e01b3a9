"""Warming up ends with its block, whatever happens there."""

import subprocess
import sys
import threading

import pytest

from instag.capture.warm_up import warming_up


def test_all_is_loaded_at_the_end_of_the_block() -> None:
    with pytest.raises(KeyError), warming_up():
        raise KeyError
    assert "instag.capture.tracking.head_alignment" in sys.modules
    assert not [thread for thread in threading.enumerate() if thread.name == "warming up"]


def test_a_video_can_be_read_before_torch_is_loaded() -> None:
    """All that the first stage needs, and the command."""
    loads = "import sys, instag.capture.prepare, instag.cli.commands.prepare"
    program = f"{loads}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
