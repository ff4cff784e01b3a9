"""What a training run leaves on disk while it goes on: its curves, and a checkpoint from which a
killed run continues."""

import json
import math
import time
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from instag.errors import NotAnArtefact, TrainingFailed
from instag.runtime.files import atomic_path
from instag.training.density_control import Pull, no_pull
from instag.training.optimizer import Optimiser
from instag.training.stages.stage import Stage
from instag.training.subject import Subject

NOTE_EVERY = 50
"""Steps between two points of a curve; what lies between is averaged."""
CHECKPOINT_SECONDS = 30.0


class Journal:
    """The folder of a run. Curves: TensorBoard event files and curves.jsonl. State: one
    checkpoint.safetensors.

    `identity` says what is being trained; a checkpoint of anything else is not continued.
    """

    def __init__(self, folder: Path, identity: dict[str, object]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.identity = json.dumps(identity, sort_keys=True)
        self.path = folder / "checkpoint.safetensors"
        self.stage, self.step = self._position()
        self._memory: dict[str, Tensor] = {}
        if self.stage is None:
            (folder / "curves.jsonl").unlink(missing_ok=True)
        self._writer = SummaryWriter(str(folder))
        self._steps: list[tuple[list[str], Tensor]] = []
        self._saved = time.monotonic()

    def _position(self) -> tuple[str | None, int]:
        """Stage and step of a checkpoint of this very run; (None, 0) where there is none."""
        if not self.path.exists():
            return None, 0
        try:
            with safe_open(str(self.path), "pt") as stored:
                about = stored.metadata()
        except SafetensorError as error:
            raise NotAnArtefact(
                f"{self.path} can not be read ({error}). Delete it to start training anew."
            ) from error
        return (
            (about["stage"], int(about["step"]))
            if about["identity"] == self.identity
            else (None, 0)
        )

    def note(self, stage: Stage, step: int, names: list[str], values: Float[Tensor, " t"]) -> None:
        """Add a step to the curves: its terms by name, which the device may still be computing.
        They are fetched once in NOTE_EVERY steps.

        Raises TrainingFailed where one is not finite.
        """
        self._steps.append((names, values))
        if (step + 1) % NOTE_EVERY and step + 1 != stage.steps:
            return
        numbers = iter(torch.cat([values for _, values in self._steps]).tolist())
        row: dict[str, float] = {}
        for names, _ in self._steps:
            for name in names:
                row[name] = row.get(name, 0.0) + next(numbers) / len(self._steps)
        self._steps = []
        row["loss"] = sum(row.values())
        if not math.isfinite(row["loss"]):
            raise TrainingFailed(
                f"The loss of stage {stage.name!r} is not finite at step {step}: {row}. Run again "
                "with another --seed, or report this clip."
            )
        row["splats"] = len(stage.gaussians)
        for name, value in row.items():
            self._writer.add_scalar(f"{stage.name}/{name}", value, step)
        with (self.folder / "curves.jsonl").open("a") as handle:
            handle.write(
                json.dumps(
                    {"stage": stage.name, "step": step, "time": round(time.time(), 2), **row}
                )
                + "\n"
            )

    def curves(self) -> list[dict[str, float | str]]:
        """The points noted so far."""
        path = self.folder / "curves.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def checkpoint_if_due(self, stage: Stage, step: int, optimiser: Optimiser, pull: Pull) -> None:
        if time.monotonic() - self._saved > CHECKPOINT_SECONDS and step < stage.steps:
            self.checkpoint(stage, step, optimiser, pull)

    def checkpoint(self, stage: Stage, step: int, optimiser: Optimiser, pull: Pull) -> None:
        """Write everything that the rest of the run depends on. `step`: steps that are done."""
        tensors = {f"state.{name}": value for name, value in stage.subject.state().items()}
        tensors |= {f"adam.{name}": value for name, value in optimiser.state().items()}
        tensors |= {f"pull.{name}": value for name, value in vars(pull).items()}
        about = {"identity": self.identity, "stage": stage.name, "step": str(step)}
        with atomic_path(self.path) as temporary:
            save_file(
                {name: value.cpu().contiguous().clone() for name, value in tensors.items()},
                str(temporary),
                about,
            )
        self._writer.flush()
        self._saved = time.monotonic()

    def restore(self, stage: str, subject: Subject) -> bool:
        """Put the checkpoint's values into the subject, before its stage is made; False where the
        checkpoint is not of this stage."""
        if self.stage != stage:
            return False
        self._memory = load_file(str(self.path))
        subject.load_state(part_named(self._memory, "state."))
        return True

    def resume(self, stage: Stage, optimiser: Optimiser) -> tuple[int, Pull]:
        """Where to go on in a stage, and what density control has seen; (0, nothing) where the
        stage was not restored."""
        if not self._memory:
            return 0, no_pull(stage.gaussians)
        optimiser.restore(part_named(self._memory, "adam."))
        pull = Pull(
            **{
                name: value.to(stage.subject.device)
                for name, value in part_named(self._memory, "pull.").items()
            }
        )
        self._memory = {}
        return self.step, pull

    def finish(self) -> None:
        """The run is complete: its result is written elsewhere, the checkpoint goes."""
        self._writer.close()
        self.path.unlink(missing_ok=True)


def part_named(tensors: dict[str, Tensor], start: str) -> dict[str, Tensor]:
    """The tensors whose names begin so, by the rest of their names."""
    return {name[len(start) :]: value for name, value in tensors.items() if name.startswith(start)}
