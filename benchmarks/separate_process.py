"""A head in a process of its own, so that neither an error nor a crash in it reaches the others."""

import json
import traceback
from dataclasses import asdict
from multiprocessing import get_context

from benchmarks.one_head import Job, run
from benchmarks.people_tables import Result


def run_apart(job: Job) -> Result:
    """The result of a job, which also lies beside the avatar; of a failed one, why it failed."""
    job.result_path.unlink(missing_ok=True)
    process = get_context("spawn").Process(target=_write_result, args=(job,))
    process.start()
    process.join()
    if job.result_path.is_file():
        return Result(**json.loads(job.result_path.read_text()))
    return _failed(job, f"the process ended with code {process.exitcode}")


def _write_result(job: Job) -> None:
    try:
        result = run(job)
    except Exception as error:  # noqa: BLE001  (reported with the others' results)
        traceback.print_exc()
        result = _failed(job, f"{type(error).__name__}: {error}")
    job.result_path.write_text(json.dumps(asdict(result), indent=1))


def _failed(job: Job, error: str) -> Result:
    return Result(name=job.name, seed=job.seed, numbers={}, error=error)
