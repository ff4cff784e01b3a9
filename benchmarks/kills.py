"""Kills: instag is killed at random moments while it learns, writes and speaks, and run again; what
was complete before must still open, and the last run must succeed:
python -m benchmarks.kills [--kills 200] [--folder FOLDER].

Half of the kills come while a head is learned from a synthetic clip and tested; the others while
clips, avatars and checkpoints are written over and over in a small process.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks.command_line import parser_of

from instag.data.clip import Clip
from instag.errors import InstagError
from instag.models.avatar import Avatar
from instag.runtime.files import TEMPORARY
from instag.synthetic import write_clip
from instag.training.run_dir import RunDir

ROOT = Path(__file__).parents[1]
ARTEFACTS = ROOT / "tests" / "artefacts"
WRITER = """
import sys
from pathlib import Path
import torch
from instag.data.clip import Clip
from instag.models.avatar import Avatar
from instag.training.checkpoints import Position
from instag.training.run_dir import RunDir

folder = Path(sys.argv[1])
avatar, clip = Avatar.open(folder / "me.avatar"), Clip.open(folder / "me.clip")
run, step = RunDir(folder / "run", {"seed": 1}), 0
print("ready", flush=True)
while True:
    step += 1
    avatar.save(folder / "me.avatar")
    clip.save_info(clip.info)
    clip.save_track(clip.track())
    for index in range(len(clip)):
        clip.save_regions(index, clip.regions(index))
    run.checkpoints.save(Position(stage="face", step=step), {"a": torch.rand(50_000)})
    run.metrics.add("face", step, step + 1, ["a"], torch.ones(1), splats=1)
"""


def killed(command: list[str], after_s: float, *, ready: str = "") -> int:
    """Run a command and kill it; its exit code where it ended before."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    if ready:
        process.stdout.readline()
    try:
        return process.wait(after_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        return process.wait()
    finally:
        process.stdout.close()


def left(folder: Path) -> int:
    """Temporary files of killed runs."""
    return sum(1 for _ in folder.rglob(f"{TEMPORARY}*"))


def kill_writers(folder: Path, kills: int, chance: random.Random) -> Counter[str]:
    """Kill a process that writes all the time; everything must open each time."""
    found: Counter[str] = Counter()
    shutil.copy(ARTEFACTS / "lip_codes.avatar", folder / "me.avatar")
    shutil.copytree(ARTEFACTS / "speaker.clip", folder / "me.clip")
    for _ in range(kills):
        killed([sys.executable, "-c", WRITER, str(folder)], chance.uniform(0, 1.5), ready="ready")
        try:
            Avatar.open(folder / "me.avatar")
            clip = Clip.open(folder / "me.clip")
            clip.tables()
            for index in range(len(clip)):
                clip.regions(index)
            RunDir(folder / "run", {"seed": 1}).begin(("face",))
            found["whole"] += 1
        except InstagError as error:
            found[f"lost: {error}"] += 1
    found["temporary files in the run's folder after the last start"] = left(folder / "run")
    return found


def kill_learning(folder: Path, kills: int, chance: random.Random) -> Counter[str]:
    """Kill `instag adapt` until it has been killed so often; a run that ends begins anew."""
    found: Counter[str] = Counter()
    clip = write_clip(folder / "speaker.clip", frames=75, size=64).folder
    avatar = folder / "me.avatar"
    command = [
        *(sys.executable, "-m", "instag", "adapt", str(clip), "-o", str(avatar)),
        *("--recipe", "draft", "--quiet"),
    ]
    began = time.monotonic()
    subprocess.run(command, check=True, cwd=ROOT)
    whole_s = time.monotonic() - began
    avatar.unlink()
    while found["killed"] < kills:
        code = killed(command, chance.uniform(0, 1.1 * whole_s))
        if code == 0:
            Avatar.open(avatar)
            found["completed after kills"] += 1
            found["temporary files left"] += left(folder)
            avatar.unlink()
        elif code == -signal.SIGKILL:
            found["killed"] += 1
        else:
            found[f"exit code {code}"] += 1
    found["last run"] = subprocess.run(command, check=False, cwd=ROOT).returncode
    Avatar.open(avatar)
    return found


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--learning", type=float, default=0.5, help="their share while it learns")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    os.environ.setdefault("PYTHONPATH", str(ROOT / "src"))
    chance = random.Random(chosen.seed)
    learning = round(chosen.kills * chosen.learning)
    with tempfile.TemporaryDirectory() as name:
        for part, kill, count in (
            ("writing", kill_writers, chosen.kills - learning),
            ("learning", kill_learning, learning),
        ):
            if count:
                (Path(name) / part).mkdir()
                for what, times in kill(Path(name) / part, count, chance).items():
                    print(f"{part}: {what}: {times}")


if __name__ == "__main__":
    main()
