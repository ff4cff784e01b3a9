"""A pretended GPU: tensors in the host's memory that say that they lie on cuda:0, and a torch that
treats them as if they did.

All numbers are real, so that whole commands run. What a GPU would refuse raises: operations between
devices, generators of another device, pinning of what can not be pinned. Where a program would wait
for the GPU is noted. Kernels are not tried, and nothing is asynchronous.
"""

import traceback
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any, ClassVar
from unittest.mock import Mock

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from instag.rendering import footprints, gsplat_renderer
from instag.runtime import cuda_graph
from instag.runtime import device as compute
from instag.training import running_stage

HOST, GPU = torch.device("cpu"), torch.device("cuda", 0)
READS = (
    "item",
    "tolist",
    "__float__",
    "__int__",
    "__bool__",
    "__index__",
    "__contains__",
    "nonzero",
    "masked_select",
    "unique",
    "equal",
    "allclose",
    "cpu",
)
TOGETHER = (
    "cat",
    "stack",
    "index_select",
    "index_add_",
    "index_copy",
    "searchsorted",
    "matmul",
    "__matmul__",
    "baddbmm",
    "linear",
    "conv1d",
    "conv2d",
)
"""Where even a tensor without dimensions must lie beside the others; elsewhere it may lie on the
host."""


PLAIN = torch._C._disabled_torch_function_impl


class OnGpu(Tensor):
    """A tensor of the pretended GPU."""

    __torch_function__ = PLAIN  # pyright: ignore[reportAssignmentType]

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        copy = on_gpu(self.detach().clone())
        memo[id(self)] = (
            torch.nn.Parameter(copy, self.requires_grad)
            if isinstance(self, torch.nn.Parameter)
            else copy
        )
        return memo[id(self)]


class Generator(torch.Generator):
    """A generator that says on which device it is."""

    kind: str

    def __new__(cls, device: torch.device | str = "cpu") -> "Generator":
        made = super().__new__(cls)
        made.kind = torch.device(device).type
        return made

    def __init__(self, device: torch.device | str = "cpu") -> None:
        """The device was taken by __new__."""

    @property
    def device(self) -> torch.device:  # pyright: ignore[reportIncompatibleVariableOverride]
        return GPU if self.kind == "cuda" else HOST


class PretendedGpu(TorchFunctionMode):
    """waits: for each read of the GPU's memory, and each copy into it that waits until it is done,
    the functions of instag that led to it, outermost first, and the line."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[str] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, kwargs = func.__name__, dict(kwargs or {})
        tensors = found_in([args, kwargs])
        there = any(isinstance(tensor, OnGpu) for tensor in tensors)
        if name == "__get__":
            return (
                GPU
                if there and func.__self__.__name__ == "device"
                else placed(func(*args, **kwargs), there, tensors)
            )
        if name in ("__set__", "__delete__", "copy_", "backward"):
            return placed(func(*args, **kwargs), there, tensors)
        if name == "_has_compatible_shallow_copy_type":
            return len({isinstance(tensor, OnGpu) for tensor in tensors}) == 1
        if name == "pin_memory":
            return pinned(args[0])
        if there and name in ("numpy", "__array__"):
            raise AssertionError("a GPU's tensor has no numpy array")
        if there and (
            name in READS
            or (
                name in ("__getitem__", "__setitem__")
                and any(tensor.dtype == torch.bool for tensor in found_in(args[1]))
            )
        ):
            self._wait()
        if name == "cpu":
            return on_host(args[0])
        if name == "to":
            return self._moved(func, args, kwargs)
        where = kwargs.get("device")
        if where is not None:
            kwargs["device"], there = HOST, torch.device(where).type == "cuda"
        if there and name in ("tensor", "as_tensor", "new_tensor"):
            self._wait()
        generator = kwargs.get("generator")
        assert generator is None or (generator.device.type == "cuda") == there, (
            f"{name}: a generator of another device"
        )
        kwargs.pop("pin_memory", None)
        known = (
            found_in(args[0])
            if name in ("__getitem__", "__setitem__") and there and isinstance(args[0], OnGpu)
            else tensors
        )
        strays = [
            tensor
            for tensor in known
            if isinstance(tensor, OnGpu) != there and (tensor.dim() or name in TOGETHER)
        ]
        assert where is not None or not strays, (
            f"{name}: tensors of two devices, {[tuple(tensor.shape) for tensor in tensors]}"
        )
        return placed(func(*args, **kwargs), there, tensors)

    def _moved(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Tensor.to: of a device by name, of another tensor's, or of a dtype alone."""
        source, *others = args
        targets = [
            value
            for value in (*others, kwargs.get("device"))
            if isinstance(value, str | torch.device | Tensor)
        ]
        plain = [HOST if isinstance(value, str | torch.device) else value for value in others]
        moved = func(
            source,
            *plain,
            **{
                name: HOST if name == "device" and value is not None else value
                for name, value in kwargs.items()
            },
        )
        if not targets:
            return placed(moved, isinstance(source, OnGpu), [source])
        there = (
            isinstance(targets[0], OnGpu)
            if isinstance(targets[0], Tensor)
            else torch.device(targets[0]).type == "cuda"
        )
        if isinstance(source, OnGpu) == there:
            return placed(moved, there, [source])
        if not there or not kwargs.get("non_blocking"):
            self._wait()
        return on_gpu(moved.clone() if moved is source else moved) if there else on_host(moved)

    def _wait(self) -> None:
        assert not RunWhileRecorded.capturing, "a graph cannot wait"
        stack = [frame for frame in traceback.extract_stack() if "/instag/" in frame.filename]
        self.waits.append(
            " > ".join([*(frame.name for frame in stack), str(stack[-1].line) if stack else ""])
        )


def found_in(values: Any) -> list[Tensor]:
    """All tensors in nested lists, tuples and dictionaries."""
    if isinstance(values, Tensor):
        return [values]
    inner = (
        values.values()
        if isinstance(values, dict)
        else values
        if isinstance(values, list | tuple)
        else ()
    )
    return [tensor for value in inner for tensor in found_in(value)]


def on_gpu(tensor: Tensor) -> Tensor:
    return tensor.as_subclass(OnGpu)


def on_host(tensor: Tensor) -> Tensor:
    return tensor.clone().as_subclass(Tensor) if isinstance(tensor, OnGpu) else tensor


def placed(value: Any, there: bool, given: list[Tensor]) -> Any:
    """What an operation made, on its device; what was changed in place stays itself."""
    if isinstance(value, Tensor):
        return value if not there or any(value is tensor for tensor in given) else on_gpu(value)
    if isinstance(value, list | tuple):
        parts = [placed(part, there, given) for part in value]
        return type(value)(parts)  # also torch's named tuples
    return value


def pinned(tensor: Tensor) -> Tensor:
    """As torch pins: the same strides in other memory."""
    assert not isinstance(tensor, OnGpu), "torch pins the host's tensors alone"
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype).copy_(tensor)


def _projection(
    means, _, quats, scales, viewmats, Ks, width, height, *, eps2d, near_plane, opacities
):
    frames, count = means.shape[:2]
    assert quats.shape == (frames, count, 4)
    assert (scales.shape, opacities.shape) == ((frames, count, 3), (frames, count))
    assert (viewmats.shape, Ks.shape) == ((frames, 1, 4, 4), (frames, 1, 3, 3))
    seen = means[:, None] @ viewmats[..., :3, :3].mT + viewmats[..., None, :3, 3]
    focal, depths = Ks[..., 0, 0][..., None], seen[..., 2].clamp_min(near_plane)
    means2d = seen[..., :2] / depths[..., None] * focal[..., None] + Ks[..., None, :2, 2]
    variance = ((scales.mean(-1) + 0 * quats.sum(-1))[:, None] * focal / depths).square() + eps2d
    radius = (3 * variance.sqrt()).ceil().int() * (opacities[:, None] > 1 / 255)
    return (
        torch.stack([radius, radius], -1),
        means2d,
        depths,
        torch.stack([1 / variance, 0 * variance, 1 / variance], -1),
        None,
    )


def _tiles(means2d, radii, depths, tile, columns, rows, **packed):
    """Nothing but, of packed splats, the numbers of their pictures."""
    assert radii.shape == means2d.shape
    assert depths.shape == means2d.shape[:-1]
    members = packed.get("image_ids", radii.new_zeros(1))
    return None, radii.new_zeros(1), members


def _painted(
    means2d, conics, colors, opacities, width, height, tile, offsets, members, packed=False
):
    """A mixture without an order, which has the shapes and some gradient of the true picture."""
    if packed:
        # Each picture sees those of its own.
        own = members == torch.arange(len(offsets), device=members.device)[:, None]
        means2d, conics, colors = (
            table.expand(len(offsets), -1, -1) for table in (means2d, conics, colors)
        )
        opacities = opacities * own
    frames, count, channels = colors.shape
    assert (means2d.shape, conics.shape, opacities.shape) == (
        (frames, count, 2),
        (frames, count, 3),
        (frames, count),
    )
    assert offsets.shape == (frames, -(-height // tile), -(-width // tile))
    assert channels
    across = torch.exp(
        -0.5
        * (torch.arange(width, device=colors.device) - means2d[..., :1]).square()
        * conics[..., :1]
    )
    down = torch.exp(
        -0.5
        * (torch.arange(height, device=colors.device) - means2d[..., 1:]).square()
        * conics[..., 2:]
    )
    weights = (opacities[..., None] * down).transpose(1, 2)
    total = weights @ across
    painted = torch.stack(
        [(weights * colors[:, None, :, channel]) @ across for channel in range(channels)], -1
    )
    alphas = 1 - torch.exp(-total)
    return painted / (total + 1e-6)[..., None] * alphas[..., None], alphas[..., None]


GSPLAT = SimpleNamespace(
    fully_fused_projection=_projection,
    isect_tiles=_tiles,
    isect_offset_encode=lambda crossings, frames, columns, rows: crossings.new_zeros(
        frames, rows, columns
    ),
    rasterize_to_pixels=_painted,
)
"""gsplat's shapes and types, and a picture in the colours of its splats."""


class _Unrecorded:
    """In place of a Replay: work that must not wait while it would be recorded."""

    def __init__(self, work: cuda_graph.Work, *examples: Tensor) -> None:
        self._work = work

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        return self._work(*inputs)


class RunWhileRecorded(torch.cuda.CUDAGraph):
    """In place of a CUDA graph: what is captured runs at once, and replaying does nothing. waits:
    of the pretended GPU, while something was captured."""

    waits: ClassVar[list[str]] = []
    capturing: ClassVar[bool] = False

    def __new__(cls) -> "RunWhileRecorded":
        return object.__new__(cls)

    def __init__(self) -> None:
        """Nothing is held."""

    def register_generator_state(self, generator: torch.Generator) -> None:
        assert generator.device.type == "cuda"

    def capture_begin(self, pool: object = None, capture_error_mode: str = "global") -> None:
        assert not RunWhileRecorded.capturing
        RunWhileRecorded.capturing = True

    def capture_end(self) -> None:
        RunWhileRecorded.capturing = False

    def replay(self) -> None:
        """It has run."""


@contextmanager
def pretended_gpu(
    monkeypatch: pytest.MonkeyPatch, *, free: int = 80 * 2**30
) -> Iterator[PretendedGpu]:
    """A block in which this machine has a GPU with so many bytes of free memory."""
    gpu, submit = PretendedGpu(), ThreadPoolExecutor.submit

    def submit_with_gpu(
        pool: ThreadPoolExecutor, work: Any, /, *args: Any, **kwargs: Any
    ) -> Future:
        def with_gpu() -> Any:
            with gpu:
                return work(*args, **kwargs)

        return submit(pool, with_gpu)

    event, stream = Mock(spec=torch.cuda.Event), Mock(spec=torch.cuda.Stream)
    with monkeypatch.context() as patched:
        patched.setattr(ThreadPoolExecutor, "submit", submit_with_gpu)
        patched.setattr(torch, "Generator", Generator)
        patched.setattr(Tensor, "record_stream", lambda tensor, stream: None)
        api = {
            "Event": event,
            "Stream": stream,
            "current_stream": stream,
            "device_count": 1,
            "get_device_name": "a pretended GPU",
            "mem_get_info": (free, free),
            "synchronize": None,
            "empty_cache": None,
        }
        for name, answer in api.items():
            patched.setattr(torch.cuda, name, lambda *_, answer=answer: answer)
        patched.setattr(torch.cuda, "stream", nullcontext)
        patched.setattr(torch.cuda, "CUDAGraph", RunWhileRecorded)
        patched.setattr(torch.cuda, "graph_pool_handle", lambda: None)
        # What is recorded here runs once, so that whole trainings launch their steps.
        patched.setattr(running_stage, "step_recorders", lambda *_: {})
        patched.setattr(compute, "gpu_obstacle", lambda index=0: None)
        for module in (gsplat_renderer, footprints):
            patched.setattr(module, "gsplat", lambda: GSPLAT)
        patched.setattr(cuda_graph, "CudaGraph", _Unrecorded)
        torch.__future__.set_overwrite_module_params_on_conversion(True)
        try:
            with gpu:
                yield gpu
        finally:
            torch.__future__.set_overwrite_module_params_on_conversion(False)
