"""Run the commands of README.md as a newcomer would: a fresh clone, a fresh environment, every
line of the blocks and of the table of common cases, in their order; a row for each with its time.

    python tools/run_readme.py FOLDER [--quick] [--only PART]

The inputs that they name (me.mp4, speech.wav, a.mp4 ...) are made of a synthetic speaker. Commands
with placeholders in capitals, and servers, are listed, not run. --quick: heads are learned by
`draft`.
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
    """The command with this repository in it, and without what needs a person."""
    line = line.replace("<this repository>", shlex.quote(str(ROOT)))
    if quick and line.startswith(("instag create", "instag adapt")) and "--recipe" not in line:
        line = line.replace(" --long", "") + " --recipe draft"
    return line


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
        began, parts = time.monotonic(), line.split(" && cd ")
        ready(parts[0], place)
        code = subprocess.run(parts[0], shell=True, cwd=place, env=environment).returncode
        place = place / parts[1] if parts[1:] else place
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
    chosen = parser.parse_args()
    shutil.rmtree(chosen.folder, ignore_errors=True)
    chosen.folder.mkdir(parents=True)
    lines = [
        prepared(line, quick=chosen.quick)
        for line in commands((ROOT / "README.md").read_text())
        if line
        and (not chosen.only or chosen.only in line or not line.startswith(("instag", "make")))
    ]
    sys.exit(not run(lines, chosen.folder.resolve()))


if __name__ == "__main__":
    main()
