"""One run of a command of instag in a fresh process: its time and its memory."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from instag.runtime.kernel_cache import VARIABLE

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, kw_only=True)
class CommandRun:
    """wall_s: from the start of the process to its end. processor_s: user and system, of all its
    processes and threads; None where the system does not tell. memory_mb: the most that the process
    held; tensors_mb, reserved_mb: of a GPU; None where not counted."""

    wall_s: float
    processor_s: float | None
    memory_mb: float | None
    tensors_mb: float | None
    reserved_mb: float | None


def run_command(arguments: Sequence[str], kernels: Path) -> CommandRun:
    """Run `instag` with these arguments. kernels: the folder of compiled kernels. Raises SystemExit
    with the command's own message where it fails."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "memory.json"
        before, began = os.times(), time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.watched_command", str(report), *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            env=os.environ | {VARIABLE: str(kernels)},
        )
        wall_s, after = time.perf_counter() - began, os.times()
        if done.returncode != 0:
            raise SystemExit(
                f"instag {' '.join(arguments)} ended with code {done.returncode}.\n{done.stderr}"
            )
        memory = json.loads(report.read_text())
    user = after.children_user - before.children_user
    system = after.children_system - before.children_system
    processor_s = None if sys.platform == "win32" else user + system
    return CommandRun(wall_s=wall_s, processor_s=processor_s, **memory)
