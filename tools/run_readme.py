"""Run the commands of README.md as a newcomer would: a fresh clone, a fresh environment, every
line of the blocks and of the tables, in their order; a row for each with its time.

    python tools/run_readme.py FOLDER [--quick] [--only PART] [--torch WHAT]

The inputs that they name (me.mp4, speech.wav, a.mp4 ...) are made of a synthetic speaker. Commands
with placeholders in capitals, and servers, are listed, not run. --quick: heads are learned by
`draft`. --torch 'torch==2.13.0 --index-url ADDRESS': what pip installs before, as the README
says for Linux without CUDA.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
INPUTS = """
import shutil, wave
from instag.synthetic import Speaker, perform, recording, write_clip, write_video
film = perform(Speaker(0, size=256), recording(), seconds=16, size=256)
write_video(film, "me.mp4")
for name in ("a.mp4", "b.mp4"):
    shutil.copy("me.mp4", name)
for seed, name in ((1, "a.clip"), (2, "b.clip")):
    write_clip(name, seed=seed, frames=75, size=64)
shutil.copy("a.clip/speech.wav", "speech.wav")
"""


ENDLESS = ("instag serve", "instag app")


def commands(text: str) -> list[str]:
    """Lines of the blocks, those of the installation first, then what stands between back-quotes in
    tables."""
    above, below = text.split("## Install")
    blocks = [
        block
        for part in (below, above)
        for language, block in re.findall(r"^```(\w*)\n(.*?)^```", part, re.DOTALL | re.MULTILINE)
        if not language
    ]
    lines = [line for block in blocks for line in block.splitlines()]
    rows = [row for row in below.splitlines() if row.startswith("|")]
    quoted = [each for row in rows for each in re.findall(r"`((?:instag|make) [^`]+)`", row)]
    return [re.split(r"\s{2,}#", line)[0].strip() for line in (*lines, *quoted)]


def prepared(line: str, *, quick: bool) -> str:
    """The command with this repository in it, whatever its folder is called, and without what needs
    a person."""
    line = line.replace("<this repository>", f"{shlex.quote(str(ROOT))} instag")
    if quick and line.startswith(("instag create", "instag adapt")) and "--recipe" not in line:
        line = line.replace(" --long", "") + " --recipe draft"
    return line


def with_torch(line: str, torch: str | None) -> list[str]:
    """The commands in place of one: torch comes before instag."""
    before = [f"pip install {torch}"] if torch and line.startswith("pip install .") else []
    return [*before, line]


def ready(line: str, folder: Path) -> None:
    """Remove the output of an earlier command, which would be refused."""
    words = shlex.split(line)
    if "-o" in words:
        output = folder / words[words.index("-o") + 1]
        if output.is_file():
            output.unlink()


def run(lines: list[str], folder: Path) -> bool:
    """Run them one after another; whether all succeeded."""
    place, environment, well = folder, dict(os.environ), True
    for line in lines:
        if re.search(r"\b[A-Z]{3,}\b(?!=)", line) or line.startswith(ENDLESS):
            print(f"not run        {line}", flush=True)
            continue
        if ".venv/bin/activate" in line:
            environment["PATH"] = f"{place / '.venv' / 'bin'}{os.pathsep}{environment['PATH']}"
            continue
        if line.startswith("cd "):
            place = place / line.removeprefix("cd ")
            continue
        began = time.monotonic()
        ready(line, place)
        code = subprocess.run(line, shell=True, cwd=place, env=environment).returncode
        print(f"{code:3d} {time.monotonic() - began:8.1f} s  {line}", flush=True)
        well &= code == 0
        if line.startswith("pip install ."):
            subprocess.run(["python", "-c", INPUTS], cwd=place, env=environment, check=True)
    return well


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", help="besides the installation, lines with this in them")
    parser.add_argument("--torch", help="what pip installs before `pip install .`")
    chosen = parser.parse_args()
    shutil.rmtree(chosen.folder, ignore_errors=True)
    chosen.folder.mkdir(parents=True)
    lines = [
        each
        for line in commands((ROOT / "README.md").read_text())
        if line
        and (not chosen.only or chosen.only in line or not line.startswith(("instag", "make")))
        for each in with_torch(prepared(line, quick=chosen.quick), chosen.torch)
    ]
    sys.exit(not run(lines, chosen.folder.resolve()))


if __name__ == "__main__":
    main()
