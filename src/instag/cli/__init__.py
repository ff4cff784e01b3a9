"""The command line: `instag COMMAND`."""

import os
import sys
from io import TextIOWrapper

# Read once, when torch is loaded. Threads that wait for each other in a busy loop cost nothing on a
# quiet machine; where anything else wants the cores, they starve the thread they wait for, and a
# step of training takes twenty times as long.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
# The same of NumPy's and SciPy's threads, which wait busily for 2^26 cycles after each use; 4 is
# the least. They take it where it is set before NumPy is loaded.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")

from instag.cli.app import app
from instag.runtime.kernel_cache import choose_kernel_cache
from instag.runtime.memory import keep_freed_memory


def main() -> None:
    """Run the command that `sys.argv` names; exits with 0, 1 (the work failed), 2 (bad arguments)
    or 130 (Ctrl-C)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # of a file on Windows, in an old code page
            stream.reconfigure(errors="backslashreplace")
    choose_kernel_cache()
    keep_freed_memory()
    app()


__all__ = ["app", "main"]
