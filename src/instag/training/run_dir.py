"""RunDir: what a training leaves in a folder while it goes on: its metrics, and checkpoints from
which a stopped run continues.

The folder may lie anywhere, so that clips can be read-only and shared.
"""

import json
import logging
import math
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import torch
from jaxtyping import Float
from safetensors import safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from instag.errors import TrainingFailed
from instag.runtime.files import explain_refusal, sweep, write_atomic
from instag.runtime.untrusted import check_tensors, parsing
from instag.training.distributed import ProcessGroup

METRICS = "metrics.jsonl"
METRICS_EVERY = 50
"""Steps between two rows of the metrics; what lies between is averaged."""
CHECKPOINT_S = 30.0
"""Seconds between two checkpoints; a stage's end has one too."""

NAME = re.compile(r"checkpoint-[^-]+-\d{1,9}-\d+")
"""Of a checkpoint's file, without its ending."""

Row = dict[str, float | str]
OnMetrics = Callable[[Row], None]
"""Called with each row of the metrics when it is written, in the first process."""

log = logging.getLogger(__name__)


@final
@dataclass(frozen=True, kw_only=True)
class Position:
    """Where a run is. step: steps of the stage that are done."""

    stage: str
    step: int


@final
class RunDir:
    """The folder of a run. `identity` says what is trained; a checkpoint of anything else is not
    continued."""

    def __init__(
        self,
        folder: Path,
        identity: dict[str, object],
        group: ProcessGroup | None = None,
        *,
        on_metrics: OnMetrics | None = None,
    ) -> None:
        group = group or ProcessGroup()
        with explain_refusal(folder):
            folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
        self.metrics = MetricsWriter(folder, group, on_metrics)
        self.checkpoints = Checkpointer(folder, identity | {"world": group.world}, group)

    def begin(self, stages: Sequence[str]) -> tuple[Position | None, dict[str, Tensor]]:
        """Where a run of these stages goes on, and the tensors of that checkpoint; (None, nothing)
        where it starts."""
        at = self.checkpoints.latest(stages)
        self.metrics.begin(at, stages)
        return at, {} if at is None else self.checkpoints.read(at)

    def restoring(self, at: Position) -> AbstractContextManager[None]:
        """Let whatever the block raises about the tensors of a checkpoint become NotAnArtefact."""
        return self.checkpoints.reading(at)

    def finish(self) -> None:
        """The run is complete: its result is written elsewhere, checkpoints go."""
        self.metrics.close()
        self.checkpoints.clear()


@final
class MetricsWriter:
    """Rows of metrics: metrics.jsonl, and TensorBoard's event files where that is installed
    (instag[curves]). The first process writes them."""

    def __init__(self, folder: Path, group: ProcessGroup, on_metrics: OnMetrics | None) -> None:
        self.path, self.group, self.on_metrics = folder / METRICS, group, on_metrics
        with explain_refusal(self.path):
            self._board = tensorboard_writer(folder) if group.rank == 0 else None
        self._waiting: list[tuple[list[str], Tensor | None]] = []

    def begin(self, at: Position | None, stages: Sequence[str]) -> None:
        """Keep the rows of what a checkpoint has done, and no others."""
        if self.group.rank or not self.path.exists():
            return
        done = () if at is None else (stages.index(at.stage), at.step)
        kept = [
            row
            for row in self.rows()
            if row["stage"] in stages and (stages.index(str(row["stage"])), int(row["step"])) < done
        ]
        write_atomic(self.path, "".join(json.dumps(row) + "\n" for row in kept))

    def add(
        self,
        stage: str,
        step: int,
        steps: int,
        names: list[str],
        values: Float[Tensor, " t"] | None,
        *,
        splats: int,
    ) -> None:
        """Add a step: its losses by name, this process' share of them, which the device may still
        be computing. They are fetched once in METRICS_EVERY steps. Raises TrainingFailed where one
        is not finite."""
        self._waiting.append((names, values))
        if (step + 1) % METRICS_EVERY and step + 1 != steps:
            return
        parts = self.group.gather((self._means(), splats))
        every = dict.fromkeys(name for part, _ in parts for name in part)
        row: dict[str, float] = {
            name: sum(part.get(name, 0.0) for part, _ in parts) for name in every
        }
        row["loss"] = sum(row.values())
        if not math.isfinite(row["loss"]):
            raise TrainingFailed(
                f"The loss of stage {stage!r} is not finite at step {step}: {row}. Run again with "
                "another --seed; if it happens again, leave out the clip, or report it."
            )
        row["splats"] = sum(count for _, count in parts)
        self._write(stage, step, row)

    def rows(self) -> list[Row]:
        """Those written so far, without one that a killed run has not completed."""
        if not self.path.exists():
            return []
        lines = self.path.read_text(errors="replace").splitlines()
        return [row for line in lines if (row := _row(line)) is not None]

    def close(self) -> None:
        if self._board is not None:
            with explain_refusal(self.path):
                self._board.close()

    def _means(self) -> dict[str, float]:
        """The mean of each loss since the last row; one that was off counts as 0."""
        found = [values for _, values in self._waiting if values is not None]
        numbers = iter(torch.cat(found).tolist() if found else [])
        means: dict[str, float] = {}
        for names, _ in self._waiting:
            for name in names:
                means[name] = means.get(name, 0.0) + next(numbers) / len(self._waiting)
        self._waiting = []
        return means

    def _write(self, stage: str, step: int, values: dict[str, float]) -> None:
        if self.group.rank:
            return
        row: Row = {"stage": stage, "step": step, "time": round(time.time(), 2), **values}
        with explain_refusal(self.path):
            with self.path.open("a") as handle:
                handle.write(json.dumps(row) + "\n")
            if self._board is not None:
                for name, value in values.items():
                    self._board.add_scalar(f"{stage}/{name}", value, step)
        if self.on_metrics is not None:
            self.on_metrics(row)


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
        return done % METRICS_EVERY == 0 and self.group.any(late)

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


def _row(line: str) -> Row | None:
    """One line of the metrics; None where it is none."""
    try:
        row = json.loads(line)
        return row if isinstance(row["stage"], str) and isinstance(row["step"], int) else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def part_named(tensors: dict[str, Tensor], start: str) -> dict[str, Tensor]:
    """The tensors whose names begin so, by the rest of their names."""
    return {name[len(start) :]: value for name, value in tensors.items() if name.startswith(start)}


def tensorboard_writer(folder: Path) -> Any:
    """TensorBoard's writer into a folder; None where TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder))


def frame_rate(rows: Sequence[Row], stage: str, frames: float) -> float:
    """Frames a second between the first and the last row of a stage; `frames` are those of a step.
    0 for fewer than two rows."""
    points = [row for row in rows if row["stage"] == stage]
    if len(points) < 2:
        return 0.0
    first, last = points[0], points[-1]
    seconds = float(last["time"]) - float(first["time"])
    return (float(last["step"]) - float(first["step"])) * frames / max(seconds, 1e-9)
