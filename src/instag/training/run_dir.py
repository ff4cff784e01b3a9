"""RunDir: what a training leaves in a folder while it goes on: its metrics, and checkpoints from
which a stopped run continues.

The folder may lie anywhere, so that clips can be read-only and shared.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import final

from torch import Tensor

from instag.runtime.files import sweep
from instag.runtime.folder_in_use import alone_in
from instag.runtime.write_errors import explain_refusal
from instag.training.checkpoints import Checkpointer, Position
from instag.training.distributed import ProcessGroup
from instag.training.metrics_writer import METRICS, MetricsWriter, OnMetrics


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
        self._folder, self._rank = folder, group.rank
        self.metrics = MetricsWriter(folder, group, on_metrics)
        beside = () if group.rank else (METRICS,)
        self.checkpoints = Checkpointer(folder, identity | {"world": group.world}, group, beside)

    def alone(self) -> AbstractContextManager[None]:
        """During the block nobody else trains into the folder. Raises NotWritable where somebody
        does."""
        return nullcontext() if self._rank else alone_in(self._folder, "training")

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
