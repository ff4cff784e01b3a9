"""StepRecorder: the steps of one person's training, recorded as CUDA graphs and replayed.

A step launches a thousand small operations, which takes three times as long as they run. Three
graphs launch them at once: what comes before the renderer, what comes after it with its gradients,
and the gradients of the former. Between them gsplat fills tiles; how many splats it sorts there
decides how much memory it takes, which no graph can hold.
"""

import warnings
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from instag.rendering.gsplat_renderer import Filled, GsplatRenderer, Projected, rendering_of
from instag.runtime.cuda_graph import end_allocation
from instag.runtime.device_copy import to_device_async
from instag.runtime.garbage import without_collection
from instag.runtime.memory import free_cached
from instag.training.people import Person
from instag.training.stages.stage import Stage
from instag.training.stages.step import HostChoices, Noise, StepInputs, StepOutput
from instag.types import Rendering

MOST_KEPT = 2
"""Recordings, of as many phases."""


@final
@dataclass(frozen=True, kw_only=True)
class Recording:
    """One phase. replay: runs a step with what lies in the recorder's buffers."""

    replay: Callable[[], None]
    output: StepOutput
    gradients: list[Tensor | None]


Phases = dict[Hashable, Recording | None]
"""A person's recordings by their phase; None where its first step was launched."""


@final
class RecordedMemory:
    """What the recordings of all people run in: one after another, so that each writes where those
    before it have ended. What a recording puts out is to be used before another one runs.

    works: whether steps can be recorded; where one cannot, all further ones are launched.
    """

    def __init__(self, device: torch.device) -> None:
        self.stream, self.pool = torch.cuda.Stream(device), torch.cuda.graph_pool_handle()
        self.works = True
        self._device = device
        self._phases: list[Phases] = []

    def new_phases(self) -> Phases:
        """Those of one more person, none yet."""
        self._phases.append({})
        return self._phases[-1]

    def forget(self, phases: Phases) -> None:
        """End a person's recordings. Where they were the last ones, their memory goes back, since
        the launched steps that follow need as much."""
        if not has_recording(phases):
            phases.clear()
            return
        torch.cuda.synchronize(self._device)
        phases.clear()
        if not any(map(has_recording, self._phases)):
            # The allocator takes no pool again whose graphs are gone.
            self.pool = torch.cuda.graph_pool_handle()
            free_cached(self._device)

    def give_up(self) -> None:
        """End all recordings, of everybody."""
        self.works = False
        for phases in self._phases:
            self.forget(phases)
        free_cached(self._device)


def has_recording(phases: Phases) -> bool:
    return any(recording is not None for recording in phases.values())


@final
class StepRecorder:
    """Computes the losses and gradients of a person's steps of a stage. parameters: those that they
    train, now; recordings end with them."""

    def __init__(
        self,
        stage: Stage,
        person: Person,
        renderer: GsplatRenderer,
        parameters: Callable[[], list[nn.Parameter]],
        memory: RecordedMemory,
    ) -> None:
        device = stage.people.device
        self.stage, self.person, self.renderer = stage, person, renderer
        self._parameters, self._memory = parameters, memory
        self._noise = Noise(plain=torch.Generator(device), strain=torch.Generator(device))
        self._rows = torch.zeros(stage.batch, dtype=torch.long, device=device)
        self._closing = torch.zeros(stage.batch, device=device)
        self._corner = torch.zeros(2, dtype=torch.long, device=device)
        self._loader = stage.loaders[person.number]
        self._recordings = memory.new_phases()
        self._recorded: list[int] = []

    def compute(self, step: int) -> StepOutput | None:
        """The output of a step, whose gradients lie at the parameters; None for a step that is not
        recorded, such as the first of a phase."""
        parameters = self._parameters()
        if self._recorded != (now := [id(each) for each in parameters]):
            self._recorded = now
            self._memory.forget(self._recordings)
        phase = self.stage.phase(step)
        if not self._memory.works or phase not in self._recordings:
            if len(self._recordings) == MOST_KEPT:
                self._memory.forget(self._recordings)
            self._recordings[phase] = None
            return None
        choices = self._load(step)
        recording = self._recordings[phase]
        if recording is not None:
            recording.replay()
        else:
            try:
                # Recordings have memory of their own, and take none of what launched steps hold.
                free_cached(self._rows.device)
                recording = self._recordings[phase] = self._record(step, choices, parameters)
            except RuntimeError as error:
                self._give_up(error)
                return None
        for parameter, gradient in zip(parameters, recording.gradients, strict=True):
            parameter.grad = gradient
        return recording.output

    def _give_up(self, error: RuntimeError) -> None:
        """Launch all further steps, with all memory."""
        self._memory.give_up()
        why = str(error).partition(". ")[0]
        warnings.warn(
            f"Steps could not be recorded as CUDA graphs, so each is launched: {why}.",
            stacklevel=3,
        )

    def _load(self, step: int) -> HostChoices:
        """Put what differs from step to step into the buffers."""
        stage, person, device = self.stage, self.person, self._rows.device
        choices = stage.choices(person, step)
        given = [(self._rows, torch.tensor(self._loader.sample(step)))]
        if choices.closing is not None:
            given.append((self._closing, choices.closing))
        if choices.corner is not None:
            given.append((self._corner, choices.corner))
        for buffer, value in given:
            buffer.copy_(to_device_async(value, device))
        noise = stage.noise(person, step)
        self._noise.plain.manual_seed(noise.plain.initial_seed())
        self._noise.strain.manual_seed(noise.strain.initial_seed())
        return choices

    def _inputs(self, step: int, choices: HostChoices) -> StepInputs:
        """Those of the step whose choices lie in the buffers."""
        stage, person = self.stage, self.person
        frames = self._loader.gathered(self._rows, surface=stage.surface(step))
        if choices.closing is not None:
            assert person.expressions is not None, "lids close where expressions are taught"
            every = torch.arange(stage.batch, device=self._rows.device)
            frames = person.expressions.lids.close(frames, every, self._closing)
        return StepInputs(
            person=person,
            frames=frames,
            rows=self._rows,
            corner=None if choices.corner is None else self._corner,
            noise=self._noise,
        )

    def _record(self, step: int, choices: HostChoices, parameters: list[nn.Parameter]) -> Recording:
        """Record a step and run it."""
        stage, renderer = self.stage, self.renderer
        before, after, back = (self._new_graph() for _ in range(3))
        with self._capturing(before):
            inputs = self._inputs(step, choices)
            scene = stage.deform(step, inputs)
            projected = [renderer.project(drawing) for drawing in scene.drawings]
        before.replay()
        tiles = _Tiles(renderer, projected)
        with self._capturing(after):
            renderings = tiles.renderings()
            compared = stage.compare(step, inputs, scene, renderings)
            slopes = tiles.slopes(compared.losses)
        tiles.replay(after, slopes)
        with self._capturing(back):
            gradients = _gradients(parameters, projected, tiles.arrived, scene.losses)
        back.replay()
        tiles.show_gradient_of_centers()

        def replay() -> None:
            before.replay()
            tiles.replay(after, slopes)
            back.replay()

        losses = compared.losses | scene.losses
        return Recording(
            replay=replay,
            output=StepOutput(
                losses={name: value.detach() for name, value in losses.items()},
                rendering=renderings[0],
                camera=scene.frames.camera,
                picture=compared.picture.detach(),
                shrunk=stage.shrunk(step),
            ),
            gradients=gradients,
        )

    def _new_graph(self) -> torch.cuda.CUDAGraph:
        graph = torch.cuda.CUDAGraph()
        for generator in (self._noise.plain, self._noise.strain):
            graph.register_generator_state(generator)
        return graph

    @contextmanager
    def _capturing(self, graph: torch.cuda.CUDAGraph) -> Iterator[None]:
        """What is launched in the block goes into the graph and does not run. (torch.cuda.graph
        collects garbage first, which takes longer than most recordings.)"""
        around = torch.cuda.current_stream(self._rows.device)
        stream, pool = self._memory.stream, self._memory.pool
        stream.wait_stream(around)
        with torch.cuda.stream(stream), without_collection():
            graph.capture_begin(pool=pool, capture_error_mode="thread_local")
            try:
                yield
            except BaseException:
                with suppress(RuntimeError):
                    graph.capture_end()
                end_allocation(pool, self._rows.device)
                raise
            graph.capture_end()
        around.wait_stream(stream)


@final
class _Tiles:
    """What runs between the graphs: gsplat fills tiles with the projected splats, and takes the
    gradients of the pictures back to them. arrived: those gradients."""

    def __init__(self, renderer: GsplatRenderer, projected: list[Projected]) -> None:
        self._renderer = renderer
        self._leaves = [each.leaves() for each in projected]
        self._pictures = [leaf_copy(renderer.fill(leaf)) for leaf in self._leaves]
        self.arrived = [torch.empty_like(end) for end in _differentiable(self._leaves)]

    def renderings(self) -> list[Rendering]:
        """Of the pictures, which gradients are asked of."""
        pairs = zip(self._leaves, self._pictures, strict=True)
        return [rendering_of(leaf, picture) for leaf, picture in pairs]

    def slopes(self, losses: dict[str, Tensor]) -> tuple[Tensor | None, ...]:
        """The gradients of the losses' sum at the pictures."""
        total = torch.stack(list(losses.values())).sum()
        return torch.autograd.grad(total, tensors_of(self._pictures), allow_unused=True)

    def replay(self, after: torch.cuda.CUDAGraph, slopes: tuple[Tensor | None, ...]) -> None:
        """Fill the pictures, replay the graph that computes `slopes` of them, and take these back
        to the splats."""
        filled = [self._renderer.fill(leaf) for leaf in self._leaves]
        for buffer, value in zip(tensors_of(self._pictures), tensors_of(filled), strict=True):
            buffer.detach().copy_(value.detach())
        after.replay()
        reached = _reached(filled, self._leaves, slopes)
        for buffer, value in zip(self.arrived, reached, strict=True):
            buffer.copy_(value)

    def show_gradient_of_centers(self) -> None:
        """Put the gradient of the first picture's centres where density control reads it."""
        means2d = self._leaves[0].means2d
        if means2d.requires_grad:
            means2d.grad = self.arrived[0]


def _gradients(
    parameters: list[nn.Parameter],
    projected: list[Projected],
    arrived: list[Tensor],
    losses: dict[str, Tensor],
) -> list[Tensor | None]:
    """Those of parameters, from those that arrived at projected splats, and of losses that need no
    picture."""
    total = _with_slopes(_differentiable(projected), arrived)
    if losses:
        total = total + torch.stack(list(losses.values())).sum()
    gradients = torch.autograd.grad(total, parameters, allow_unused=True)
    return [
        None if gradient is None else _laid_out_like(parameter, gradient)
        for parameter, gradient in zip(parameters, gradients, strict=True)
    ]


def leaf_copy(filled: Filled) -> Filled:
    """A copy that gradients are asked of."""

    def leaf(tensor: Tensor) -> Tensor:
        return tensor.detach().clone().requires_grad_()

    return Filled(
        channels=leaf(filled.channels),
        detached=None if filled.detached is None else leaf(filled.detached),
        alphas=leaf(filled.alphas),
    )


def tensors_of(filled: list[Filled]) -> list[Tensor]:
    return [each for one in filled for each in one.tensors()]


def _differentiable(projected: list[Projected]) -> list[Tensor]:
    return [part for each in projected for part in each.differentiable()]


def _reached(
    filled: list[Filled], leaves: list[Projected], slopes: tuple[Tensor | None, ...]
) -> list[Tensor]:
    """The gradients of projected splats, from those of the tiles; zero where none arrives."""
    sloping = [
        (tensor, slope)
        for tensor, slope in zip(tensors_of(filled), slopes, strict=True)
        if slope is not None and tensor.requires_grad
    ]
    ends = _differentiable(leaves)
    total = _with_slopes([tensor for tensor, _ in sloping], [slope for _, slope in sloping])
    found = torch.autograd.grad(total, ends, allow_unused=True)
    return [
        torch.zeros_like(end) if slope is None else slope
        for end, slope in zip(ends, found, strict=True)
    ]


@final
class _WithSlopes(torch.autograd.Function):
    """See `_with_slopes`."""

    @staticmethod
    def forward(ctx: Any, slopes: list[Tensor], *ends: Tensor) -> Tensor:
        ctx.slopes = slopes
        return ends[0].new_zeros(())

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> Any:
        return None, *ctx.slopes


def _with_slopes(ends: list[Tensor], slopes: list[Tensor]) -> Float[Tensor, ""]:
    """A number whose gradient at each of `ends` is its slope. (torch.autograd.grad, where gradients
    are given to it, imports a package of symbols, which takes one to three seconds.)"""
    total: Any = _WithSlopes.apply(slopes, *ends)
    return total


def _laid_out_like(parameter: nn.Parameter, gradient: Tensor) -> Tensor:
    """With the strides of the parameter, as the fused optimizer needs it."""
    same = gradient.stride() == parameter.stride()
    return gradient.detach() if same else torch.empty_like(parameter.detach()).copy_(gradient)
