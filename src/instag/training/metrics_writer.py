"""MetricsWriter: the rows of metrics that a training writes while it goes on."""

import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from instag.errors import TrainingFailed
from instag.runtime.files import write_atomic
from instag.runtime.write_errors import explain_refusal
from instag.training.checkpoints import Position
from instag.training.distributed import ProcessGroup

METRICS = "metrics.jsonl"
METRICS_EVERY = 50
"""Steps between two rows of the metrics; what lies between is averaged."""

Row = dict[str, float | str]
OnMetrics = Callable[[Row], None]
"""Called with each row of the metrics when it is written, in the first process."""


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
        if self.group.rank:
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
        if not self.path.is_file():
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


def _row(line: str) -> Row | None:
    """One line of the metrics; None where it is none."""
    try:
        row = json.loads(line)
        return row if isinstance(row["stage"], str) and isinstance(row["step"], int) else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


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
