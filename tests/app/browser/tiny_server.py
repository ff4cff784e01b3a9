"""The page's server with jobs that take seconds: `python tiny_server.py LIBRARY PORT`."""

import sys
from collections.abc import Sequence
from pathlib import Path

from instag.app.app_options import AppOptions
from instag.app.page_server import run_page

TINY_JOB = Path(__file__).with_name("tiny_job.py")


def command(library: Path, identifier: str) -> Sequence[str]:
    return [sys.executable, str(TINY_JOB), str(library), identifier]


if __name__ == "__main__":
    options = AppOptions(library=Path(sys.argv[1]), port=int(sys.argv[2]))
    run_page(options, ready=lambda address: print(address, flush=True), command=command)
