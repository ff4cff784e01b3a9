"""Every command of README.md and of the documents: the program is there, so are the subcommand and
each option, and its arguments fit. `tools/run_readme.py` really runs those of the README."""

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from instag.cli import app

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in ROOT.glob("docs/*.md")))
SHELL = re.compile(r"(?:[^`\n]*/)?(instag|make|pip|uv|python|git) .*")


def lines_of(page: str) -> list[str]:
    """Commands in blocks and between back-quotes, joined where they are broken over lines."""
    text = (ROOT / page).read_text()
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    quoted = [" ".join(found.split()) for found in re.findall(r"`([^`]+)`", prose)]
    block_lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    found = [re.split(r"\s{2,}#|\s[|>]\s", line)[0].strip() for line in (*block_lines, *quoted)]
    return [part for line in found for part in line.split(" && ") if SHELL.fullmatch(part)]


INSTAG = sorted(
    {
        line
        for page in PAGES
        for line in lines_of(page)
        if line.split()[0] == "instag" and "..." not in line
    }
)


def test_there_are_commands() -> None:
    assert len(INSTAG) > 40


@pytest.mark.parametrize("line", INSTAG)
def test_every_instag_command_exists_with_its_options(line: str) -> None:
    _, name, *arguments = shlex.split(line)
    group = get_command(app)
    if name.startswith("--"):
        assert name in {flag for each in group.params for flag in each.opts}
        return
    command = group.commands[name]  # type: ignore[attr-defined]
    if getattr(command, "commands", None) and arguments:
        command = command.commands[arguments.pop(0)]
    known = {flag for each in command.params for flag in (*each.opts, *each.secondary_opts)}
    flags = [each.partition("=")[0] for each in arguments if re.match(r"--?[a-z]", each)]
    assert set(flags) <= known | {"--help"}


def test_what_else_is_run_is_there() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        for line in lines_of(page):
            program, *arguments = shlex.split(line)
            words = [each for each in arguments if "=" not in each and not each.startswith("-")]
            if program == "make" and words:
                assert words[0] in targets, line
            elif program == "python" and arguments[1:] and arguments[1].startswith("benchmarks."):
                assert (ROOT / arguments[1].replace(".", "/")).with_suffix(".py").is_file(), line
            elif program == "python" and arguments[0].endswith(".py"):
                assert (ROOT / arguments[0]).is_file(), line


def test_the_installation_needs_no_shell_of_its_own() -> None:
    """PowerShell 5 has no &&, and cmd takes single quotes for letters of a name."""
    install = (ROOT / "README.md").read_text().split("## Install")[1].split("\n## ")[0]
    for line in re.findall(r"^```\n(.*?)^```", install, re.DOTALL | re.MULTILINE)[0].splitlines():
        assert "&&" not in line
    assert "install '" not in install


def test_the_guide_names_the_wheel_of_this_version() -> None:
    from instag.version import __version__

    assert f"instag-{__version__}-py3-none-any.whl" in (ROOT / "docs/guide.md").read_text()
