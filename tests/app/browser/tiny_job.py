"""A job's process whose recipe takes seconds: `python tiny_job.py LIBRARY JOB`."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from instag.app import job_process
from instag.training import adapt_plan, recipes
from instag.training.schedules import shortened

SIDE = 96
SHARE = 0.02
"""Of the steps of `draft`."""


def tiny_recipe(*_: object, **__: object) -> Any:
    short = shortened(recipes.draft(with_prior=True), SHARE)
    return replace(short, size=SIDE, face_splats=300, mouth_splats=100)


def main() -> int:
    job_process.SMALL = SIDE  # pyright: ignore[reportAttributeAccessIssue]
    for place in (recipes, adapt_plan):
        vars(place)["recipe_named"] = tiny_recipe
    return job_process.main(Path(sys.argv[1]), sys.argv[2])


if __name__ == "__main__":
    sys.exit(main())
