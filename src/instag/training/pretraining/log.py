"""What a pre-training leaves on disk while it goes on: its curves, and checkpoints from which it
continues after it was killed."""

import json
import math
import time
from pathlib import Path
from typing import final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from instag.errors import NotAnArtefact, TrainingFailed
from instag.runtime.files import atomic_path
from instag.training.distributed import Ranks

NOTE_EVERY = 50
"""Steps between two points of a curve; what lies between is averaged."""
CHECKPOINTS = 20
"""In each stage, evenly."""


@final
class Log:
    """The folder of a run. curves.jsonl: the first process writes it.
    checkpoint-STAGE-STEP-RANK.safetensors: each process' part of a checkpoint.

    A checkpoint counts once every process' part is there; older ones go then. `identity` says what
    is being trained.
    """

    def __init__(self, folder: Path, identity: dict[str, object], ranks: Ranks) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.ranks = folder, ranks
        self.identity = json.dumps(identity | {"world": ranks.world}, sort_keys=True)
        found = ranks.gathered({key for key in map(_key, self._own()) if self._fits(key)})
        whole = set.intersection(*found)
        self.stage, self.step = (
            max(whole, key=lambda key: (key[0] == "mouth", key[1])) if whole else (None, 0)
        )
        if self.stage is None and ranks.rank == 0:
            (folder / "curves.jsonl").unlink(missing_ok=True)
        self._waiting: list[tuple[list[str], Tensor]] = []

    def note(
        self, stage: str, step: int, steps: int, terms: dict[str, Tensor], share: float, splats: int
    ) -> None:
        """Add a step to the curves: its terms, of which this process has a share. Fetched once in
        NOTE_EVERY steps. Raises TrainingFailed."""
        if terms:
            self._waiting.append((list(terms), torch.stack(list(terms.values())).detach() * share))
        if (step + 1) % NOTE_EVERY and step + 1 != steps:
            return
        count = NOTE_EVERY if (step + 1) % NOTE_EVERY == 0 else (step + 1) % NOTE_EVERY
        numbers = iter(
            torch.cat([values for _, values in self._waiting]).tolist() if self._waiting else []
        )
        mine: dict[str, float] = {}
        for names, _ in self._waiting:
            for name in names:
                mine[name] = mine.get(name, 0.0) + next(numbers) / count
        self._waiting = []
        rows = self.ranks.gathered((mine, splats))
        row = {
            name: sum(part.get(name, 0.0) for part, _ in rows)
            for name in dict.fromkeys(name for part, _ in rows for name in part)
        }
        row["loss"] = sum(row.values())
        if not math.isfinite(row["loss"]):
            raise TrainingFailed(
                f"The loss of stage {stage!r} is not finite at step {step}: {row}. Run again with "
                "another --seed, or leave out a clip."
            )
        row["splats"] = sum(count for _, count in rows)
        if self.ranks.rank == 0:
            with (self.folder / "curves.jsonl").open("a") as handle:
                handle.write(
                    json.dumps({"stage": stage, "step": step, "time": round(time.time(), 2), **row})
                    + "\n"
                )

    def curves(self) -> list[dict[str, float | str]]:
        """The points noted so far."""
        path = self.folder / "curves.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def due(self, step: int, steps: int) -> bool:
        """Whether a checkpoint is due after `step` of `steps` steps."""
        return step % max(1, steps // CHECKPOINTS) == 0 or step == steps

    def checkpoint(self, stage: str, step: int, tensors: dict[str, Tensor]) -> None:
        """Write all that the rest of this process' run depends on, wait for the others, then drop
        older checkpoints."""
        path = self._path(stage, step)
        with atomic_path(path) as temporary:
            save_file(
                {
                    name: value.detach().cpu().contiguous().clone()
                    for name, value in tensors.items()
                },
                str(temporary),
                {"identity": self.identity},
            )
        self.ranks.wait()
        for other in self._own():
            if other != path:
                other.unlink()

    def read(self) -> dict[str, Tensor]:
        """The tensors of the checkpoint that a run goes on from."""
        assert self.stage is not None, "there is no checkpoint to read"
        return load_file(str(self._path(self.stage, self.step)))

    def finish(self) -> None:
        """The run is complete: its result is written elsewhere, checkpoints go."""
        for path in self._own():
            path.unlink()

    def _path(self, stage: str, step: int) -> Path:
        return self.folder / f"checkpoint-{stage}-{step}-{self.ranks.rank}.safetensors"

    def _own(self) -> list[Path]:
        return sorted(self.folder.glob(f"checkpoint-*-*-{self.ranks.rank}.safetensors"))

    def _fits(self, key: tuple[str, int]) -> bool:
        path = self._path(*key)
        try:
            with safe_open(str(path), "pt") as stored:
                return stored.metadata()["identity"] == self.identity
        except SafetensorError as error:
            raise NotAnArtefact(
                f"{path} can not be read ({error}). Delete it to start training anew."
            ) from error


def _key(path: Path) -> tuple[str, int]:
    _, stage, step, _ = path.stem.split("-")
    return stage, int(step)


def rate_of(rows: list[dict[str, float | str]], stage: str, frames: float) -> float:
    """Frames a second between the first and the last point of a stage's curve; `frames` are those
    of a step. 0 for fewer than two points."""
    points = [row for row in rows if row["stage"] == stage]
    if len(points) < 2:
        return 0.0
    first, last = points[0], points[-1]
    return (
        (float(last["step"]) - float(first["step"]))
        * frames
        / max(float(last["time"]) - float(first["time"]), 1e-9)
    )
