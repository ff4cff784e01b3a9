"""Half a minute of the fuzz harness: no damaged file ends in a raw traceback, a crash, a hang or a
wrong acceptance. Hours of it: python -m benchmarks.fuzz."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.mutations import mutated

ROOT = Path(__file__).parents[1]
SECONDS = 30


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
def test_half_a_minute_finds_nothing() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.fuzz", "--seconds", str(SECONDS)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr[-2000:]


@pytest.mark.parametrize("start", [b"", b"{}", b"[1, 2]", b"PK\x03\x04", b"\x93NUMPY", b"1.5,2"])
def test_mutations_are_the_same_for_the_same_seed(start: bytes) -> None:
    first, second = (
        [mutated(start * 3, random.Random(seed)) for seed in range(50)] for _ in range(2)
    )
    assert first == second
    assert len(set(first)) > 10
