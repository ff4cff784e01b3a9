"""What all tests share: checked shapes and types, few examples, and the command line run in this
process."""

import os
import shutil
import tempfile
from collections.abc import Callable

import pytest
from hypothesis import settings
from jaxtyping import install_import_hook
from typer.testing import CliRunner

os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # as the command line does; see instag.cli
install_import_hook("instag", "checking.checked")  # before anything of instag is imported

settings.register_profile("default", max_examples=20, deadline=None)
settings.register_profile("ci", max_examples=10, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=500, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_configure(config: pytest.Config) -> None:
    """Name the folder of `shared_files.py` to this process and to those that it starts."""
    if "INSTAG_SHARED_TEST_FILES" not in os.environ:
        folder = tempfile.mkdtemp(prefix="instag-tests-")
        os.environ["INSTAG_SHARED_TEST_FILES"] = folder
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def pytest_sessionstart(session: pytest.Session) -> None:
    """Compile kernels, where several processes run the tests."""
    worker = getattr(session.config, "workerinput", None)
    if worker is not None and worker["workercount"] > 1:
        from kernels import compile_share

        compile_share(int(worker["workerid"].removeprefix("gw")))


@pytest.fixture
def run() -> Callable:
    """`run("prepare", path, "-o", folder)` gives exit_code, stdout and stderr; an exception that
    the command lets through is raised."""
    from instag.cli import app

    def invoke(*arguments: object):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke
