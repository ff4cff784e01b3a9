"""Checkpoints: from which a training that was stopped goes on."""

import json
import logging
import math
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import final

from safetensors import safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from instag.runtime.files import write_atomic
from instag.runtime.untrusted import check_tensors, parsing
from instag.training.distributed import AGREE_EVERY, ProcessGroup

CHECKPOINT_S = 30.0
"""Seconds between two checkpoints; a stage's end has one too."""

NAME = re.compile(r"checkpoint-[^-]+-\d{1,9}-\d+")
"""Of a checkpoint's file, without its ending."""
log = logging.getLogger(__name__)


@final
@dataclass(frozen=True, kw_only=True)
class Position:
    """Where a run is. step: steps of the stage that are done."""

    stage: str
    step: int


@final
class Checkpointer:
    """checkpoint-STAGE-STEP-RANK.safetensors: each process' part of a checkpoint, which counts once
    every process' part is there; older ones go then."""

    def __init__(self, folder: Path, identity: dict[str, object], group: ProcessGroup) -> None:
        self.folder, self.group = folder, group
        self.identity = json.dumps(identity, sort_keys=True)
        self._saved = time.monotonic()

    def latest(self, stages: Sequence[str]) -> Position | None:
        """The last checkpoint of this very run. Raises NotAnArtefact where one can not be read."""
        own = {at for path in self._own() if (at := position_of(path)).stage in stages}
        whole = set.intersection(*self.group.gather({at for at in own if self._fits(at)}))
        older = self.folder / "checkpoint.safetensors"
        if not whole and (own or older.exists()):
            log.warning(
                "The checkpoint in %s is of another training or another instag; starting anew.",
                self.folder,
            )
        older.unlink(missing_ok=True)
        return max(whole, key=lambda at: (stages.index(at.stage), at.step)) if whole else None

    def due(self, done: int) -> bool:
        """Whether it is time for a checkpoint. Several processes agree on it now and then, as
        agreeing costs time."""
        late = time.monotonic() - self._saved > CHECKPOINT_S
        if self.group.world == 1:
            return late
        return done % AGREE_EVERY == 0 and self.group.any(late)

    def save(self, at: Position, tensors: dict[str, Tensor]) -> None:
        """Write all that the rest of this process' run depends on, wait for the others, then drop
        older checkpoints."""
        path = self._path(at)
        stored = {
            name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()
        }
        write_atomic(path, save(stored, {"identity": self.identity}), lasting=True)
        self.group.wait()
        for other in self._own():
            if other != path:
                other.unlink()
        self._saved = time.monotonic()

    def read(self, at: Position) -> dict[str, Tensor]:
        """The tensors of a checkpoint. Raises NotAnArtefact."""
        with self.reading(at):
            tensors = load_file(str(self._path(at)))
            check_tensors(tensors, largest=math.inf)
        return tensors

    @contextmanager
    def reading(self, at: Position) -> Iterator[None]:
        """See RunDir.restoring."""
        remedy = "Delete it to start training anew."
        with parsing(self._path(at), "a checkpoint of this training", remedy):
            yield

    def clear(self) -> None:
        """Drop all of this process."""
        for path in self._own():
            path.unlink()

    def _path(self, at: Position) -> Path:
        return self.folder / f"checkpoint-{at.stage}-{at.step}-{self.group.rank}.safetensors"

    def _own(self) -> list[Path]:
        named = self.folder.glob(f"checkpoint-*-*-{self.group.rank}.safetensors")
        return sorted(path for path in named if NAME.fullmatch(path.stem))

    def _fits(self, at: Position) -> bool:
        with self.reading(at), safe_open(str(self._path(at)), "pt") as stored:
            return (stored.metadata() or {}).get("identity") == self.identity


def position_of(path: Path) -> Position:
    """Where a checkpoint file is of."""
    _, stage, step, _ = path.stem.split("-")
    return Position(stage=stage, step=int(step))


def part_named(tensors: dict[str, Tensor], start: str) -> dict[str, Tensor]:
    """The tensors whose names begin so, by the rest of their names."""
    return {name[len(start) :]: value for name, value in tensors.items() if name.startswith(start)}
