"""The public face: every name there is, none that is not meant, and nothing loaded before it is
used."""

import inspect
import subprocess
import sys

import pytest

import instag
from instag import errors

FUNCTIONS = {
    "adapt",
    "create",
    "evaluate",
    "evaluate_videos",
    "prepare",
    "pretrain",
    "speak",
    "write_report",
}
VALUES = {"AdaptRecipe", "Avatar", "Clip", "Evaluation", "PretrainRecipe", "Prior", "Synthesizer"}
OPTIONS = {"CaptureOptions", "PretrainingOptions", "SpeakOptions", "TrainingOptions"}
ERRORS = {
    name
    for name, value in vars(errors).items()
    if inspect.isclass(value) and issubclass(value, errors.InstagError)
}


def test_all_is_what_users_are_promised() -> None:
    assert set(instag.__all__) == {"__version__"} | FUNCTIONS | VALUES | OPTIONS | ERRORS
    assert list(instag.__all__) == sorted(instag.__all__)


@pytest.mark.parametrize("name", instag.__all__)
def test_each_name_is_there_and_explains_itself(name: str) -> None:
    value = getattr(instag, name)
    if name != "__version__":
        assert value.__name__ == name
        assert value.__doc__
        assert value.__doc__.rstrip().endswith(".")


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_functions_take_inputs_by_place_and_choices_by_name(name: str) -> None:
    kinds = [each.kind for each in inspect.signature(getattr(instag, name)).parameters.values()]
    assert 1 <= kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD) <= 3
    assert set(kinds) <= {
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        inspect.Parameter.KEYWORD_ONLY,
    }


def test_every_error_is_an_instag_error_with_an_exit_code() -> None:
    for name in ERRORS:
        assert issubclass(getattr(instag, name), instag.InstagError)
        assert getattr(instag, name).exit_code in (1, 2)


def test_other_names_are_not_there() -> None:
    assert dir(instag) == sorted(instag.__all__)
    with pytest.raises(AttributeError, match="no attribute 'everything'"):
        _ = instag.everything


def test_importing_it_loads_nothing_heavy() -> None:
    code = "import sys, instag; dir(instag); print(sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    for heavy in ("torch", "numpy", "cv2", "typer", "instag.cli", "instag.models"):
        assert f"'{heavy}'" not in loaded
