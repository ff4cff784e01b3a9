"""Parallel kernels may be launched by several threads, whatever numba runs them on."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from numba.core import config

from instag.runtime import parallel_kernel
from instag.runtime.parallel_kernel import launches_are_safe, one_at_a_time

TWO_THREADS = """
import threading
import numpy as np
from numba import prange
from instag.runtime.parallel_kernel import launches_are_safe, parallel_njit

@parallel_njit()
def doubled(values, out):
    for place in prange(len(values)):
        out[place] = 2 * values[place]

def work():
    values = np.ones(50_000)
    for _ in range(200):
        out = np.empty_like(values)
        doubled(values, out)
        assert out.sum() == 100_000

threads = [threading.Thread(target=work) for _ in range(3)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print("safe" if launches_are_safe() else "locked")
"""


def test_threads_share_the_work_queue(tmp_path):
    script = tmp_path / "two_threads.py"
    script.write_text(TWO_THREADS)
    places = [str(Path(parallel_kernel.__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {
        "NUMBA_THREADING_LAYER": "workqueue",
        "NUMBA_NUM_THREADS": "2",
        "NUMBA_CACHE_DIR": str(tmp_path),
        "PYTHONPATH": os.pathsep.join(filter(None, places)),
    }
    done = subprocess.run(
        [sys.executable, script], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "locked"), done.stderr


def test_one_launch_waits_for_another():
    running, most = 0, 0

    def kernel() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.01)
        running -= 1

    threads = [threading.Thread(target=one_at_a_time(kernel)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


@pytest.mark.parametrize("layer, safe", [("omp", True), ("threadsafe", True), ("workqueue", False)])
def test_what_numba_is_told_to_use_decides(monkeypatch, layer, safe):
    monkeypatch.setattr(config, "THREADING_LAYER", layer)
    launches_are_safe.cache_clear()
    assert launches_are_safe() == safe
    launches_are_safe.cache_clear()
