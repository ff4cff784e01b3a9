"""Checkpoints: from which a training that was stopped goes on."""

import hashlib
import json
import logging
import math
import re
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import final

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from instag.runtime.files import write_atomic
from instag.runtime.untrusted import check_tensors, parsing, refuse_link
from instag.runtime.write_errors import explain_refusal
from instag.training.distributed import AGREE_EVERY, ProcessGroup

CHECKPOINT_S = 30.0
"""Seconds between two checkpoints; a stage's end has one too."""

NAME = re.compile(r"checkpoint-[^-]+-\d{1,9}-\d+")
"""Of a checkpoint's file, without its ending."""
ASIDE = "aside"
"""The folder in a run's for what other trainings left there."""
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
    every process' part is there; older ones go then.

    Those of another training are put aside until this one is complete; the one that left them takes
    them back. beside: files of the run's folder that go with them.
    """

    def __init__(
        self,
        folder: Path,
        identity: dict[str, object],
        group: ProcessGroup,
        beside: Sequence[str] = (),
    ) -> None:
        self.folder, self.group, self.beside = folder, group, beside
        self.identity = json.dumps(identity, sort_keys=True)
        self._saved = time.monotonic()

    def latest(self, stages: Sequence[str]) -> Position | None:
        """The last checkpoint of this very run. Raises NotAnArtefact where one can not be read."""
        older = self.folder / "checkpoint.safetensors"
        with explain_refusal(self.folder):
            others = self._change_places() or older.exists()
            older.unlink(missing_ok=True)
        own = {at for path in self._own() if (at := position_of(path)).stage in stages}
        whole = set.intersection(*self.group.gather(own))
        if others and not whole:
            log.warning(
                "The checkpoint in %s is of another training or another instag; starting anew. "
                "What was there is kept in %s until this training is complete.",
                self.folder,
                self.folder / ASIDE,
            )
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
        about = {"identity": self.identity, "digest": digest_of(at, stored)}
        write_atomic(path, save(stored, about), lasting=True)
        self.group.wait()
        self._remove(other for other in self._own() if other != path)
        self._saved = time.monotonic()

    def read(self, at: Position) -> dict[str, Tensor]:
        """The tensors of a checkpoint. Raises NotAnArtefact."""
        path = self._path(at)
        with self.reading(at):
            tensors = load_file(str(path))
            if digest_of(at, tensors) != described(path).get("digest"):
                raise ValueError("it was changed or renamed since it was written")
            check_tensors(tensors, largest=math.inf)
        return tensors

    def reading(self, at: Position) -> AbstractContextManager[None]:
        """See RunDir.restoring."""
        return reading_checkpoint(self._path(at))

    def clear(self) -> None:
        """Drop all of this process, and what was put aside."""
        self._remove(self._own())
        aside = self.folder / ASIDE
        refuse_link(aside)
        if self.group.rank == 0 and aside.is_dir():
            shutil.rmtree(aside, ignore_errors=True)

    def _path(self, at: Position) -> Path:
        return self.folder / f"checkpoint-{at.stage}-{at.step}-{self.group.rank}.safetensors"

    def _own(self, folder: Path | None = None) -> list[Path]:
        """The checkpoints of this process in the run's folder, or in another."""
        named = (folder or self.folder).glob(f"checkpoint-*-*-{self.group.rank}.safetensors")
        return sorted(path for path in named if NAME.fullmatch(path.stem))

    def _remove(self, paths: Iterable[Path]) -> None:
        with explain_refusal(self.folder):
            for path in paths:
                path.unlink(missing_ok=True)

    def _change_places(self) -> bool:
        """Put aside what other trainings left, and take back what this one did. Whether there was
        anything of others."""
        others = {
            path: whose for path in self._own() if (whose := identity_in(path)) != self.identity
        }
        for path, whose in others.items():
            self._move(path.name, self.folder, self._aside(whose))
        mine = self._aside(self.identity)
        for path in self._own(mine):
            self._move(path.name, mine, self.folder)
        with suppress(OSError):  # other processes' parts may lie there still
            mine.rmdir()
        return bool(others)

    def _move(self, name: str, start: Path, end: Path) -> None:
        end.mkdir(parents=True, exist_ok=True)
        for each in (name, *self.beside):
            if (start / each).exists():
                (start / each).replace(end / each)

    def _aside(self, identity: str) -> Path:
        """Where what a training of this identity left is put aside."""
        aside = self.folder / ASIDE
        refuse_link(aside)
        return aside / hashlib.sha256(identity.encode()).hexdigest()[:16]


def described(path: Path) -> dict[str, str]:
    """What a checkpoint's file says of itself. Raises what safetensors raises."""
    with safe_open(str(path), "pt") as stored:
        return stored.metadata() or {}


def identity_in(path: Path) -> str:
    """Which training a checkpoint is of. Raises NotAnArtefact."""
    with reading_checkpoint(path):
        return described(path).get("identity", "")


def reading_checkpoint(path: Path) -> AbstractContextManager[None]:
    """See RunDir.restoring."""
    return parsing(path, "a checkpoint of this training", "Delete it to start training anew.")


def digest_of(at: Position, tensors: Mapping[str, Tensor]) -> str:
    """Of a checkpoint's place and numbers: one that was renamed or changed has another."""
    digest = hashlib.sha256(f"{at.stage} {at.step}".encode())
    for name, value in sorted(tensors.items()):
        digest.update(f" {name} {value.dtype} {list(value.shape)} ".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def position_of(path: Path) -> Position:
    """Where a checkpoint file is of."""
    _, stage, step, _ = path.stem.split("-")
    return Position(stage=stage, step=int(step))


def part_named(tensors: dict[str, Tensor], start: str) -> dict[str, Tensor]:
    """The tensors whose names begin so, by the rest of their names."""
    return {name[len(start) :]: value for name, value in tensors.items() if name.startswith(start)}
