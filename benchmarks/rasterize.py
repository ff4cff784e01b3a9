"""Speed of what a training step and a spoken frame spend most of their time on: python -m
benchmarks.rasterize [--threads 2] [--repeats 15].

Times are the best of the repeats, in ms. The splats lie on an ellipsoid that fills three quarters
of the picture's height.
"""

import math
import time
from collections.abc import Callable

import torch
from benchmarks.command_line import parser_of
from torch import Tensor

from instag.models.triplane import TriPlane
from instag.ops.ssim import ssim
from instag.rendering.registry import renderer_for
from instag.types import Camera, Rendering, Splats


def head(count: int, frames: int) -> tuple[Splats, Tensor]:
    """Splats on a shell of 0.075 x 0.1 x 0.085 m, each about 1.3 mm wide, and their colours."""
    random = torch.Generator().manual_seed(0)
    means = torch.nn.functional.normalize(torch.randn(count, 3, generator=random), dim=-1)
    means = (
        means
        * (1 - 0.08 * torch.rand(count, 1, generator=random))
        * torch.tensor([0.075, 0.1, 0.085])
    )
    scales = torch.exp(torch.randn(count, 3, generator=random) * 0.5 + math.log(0.0013))
    quats = torch.nn.functional.normalize(torch.randn(count, 4, generator=random), dim=-1)
    opacities = torch.sigmoid(torch.randn(count, generator=random) * 1.5)
    batch = [
        value.expand(frames, *value.shape).contiguous().requires_grad_()
        for value in (means, quats, scales, opacities)
    ]
    return Splats(means=batch[0], quats=batch[1], scales=batch[2], opacities=batch[3]), torch.rand(
        frames, count, 3, generator=random
    ).requires_grad_()


def camera(size: int, frames: int) -> Camera:
    """0.5 m in front of the head."""
    focal = 0.38 * size * 5
    viewmats = torch.diag(torch.tensor([1.0, -1.0, -1.0, 1.0])).repeat(frames, 1, 1)
    viewmats[:, 2, 3] = 0.5
    intrinsics = torch.tensor([[focal, 0, size / 2], [0, focal, size / 2], [0, 0, 1]]).repeat(
        frames, 1, 1
    )
    return Camera(viewmats=viewmats, Ks=intrinsics, width=size, height=size)


def best(work: Callable[[], object], repeats: int) -> float:
    """Milliseconds of the quickest call, after one that warms up."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1e3 * min(times)


def split(forward: Callable[[], list[Tensor]], repeats: int) -> tuple[float, float]:
    """Milliseconds of the forward pass and of the backward pass of all that it returns."""
    changes = [torch.ones_like(value) for value in forward()]
    ahead = best(forward, repeats)
    both = best(lambda: torch.autograd.backward(forward(), changes), repeats)
    return ahead, both - ahead


def rasterize(
    count: int, size: int, frames: int, *, training: bool, repeats: int
) -> tuple[float, float, float]:
    """Milliseconds a frame: forward alone, forward with gradients, backward. Training renders two
    detached channels and depth too."""
    splats, colors = head(count, frames)
    detached = torch.rand(frames, count, 2).requires_grad_() if training else None
    renderer, view = renderer_for("cpu"), camera(size, frames)

    def render_once() -> Rendering:
        return renderer.render(splats, colors, view, detached)

    def channels() -> list[Tensor]:
        rendered = render_once()
        return [
            rendered.colors,
            rendered.alphas,
            *([rendered.detached, rendered.depths] if training else []),
        ]

    with torch.no_grad():
        alone = best(render_once, repeats)
    ahead, back = split(channels, repeats)
    return alone / frames, ahead / frames, back / frames


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=15)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(f"{arguments.threads} threads, ms a frame    forward alone   forward  backward      both")
    for size in (512, 256):
        for count, training in ((20_000, False), (12_000, True), (5_000, True)):
            for frames in (1, 4):
                alone, ahead, back = rasterize(
                    count, size, frames, training=training, repeats=arguments.repeats
                )
                name = (
                    f"{count // 1000}k {size} px, "
                    f"{'3+2+depth' if training else '3 channels'}, batch {frames}"
                )
                print(f"{name:34}{alone:9.1f} {ahead:9.1f} {back:9.1f} {ahead + back:9.1f}")
    x, y = torch.rand(1, 512, 512, 3).requires_grad_(), torch.rand(1, 512, 512, 3)
    ahead, back = split(lambda: [ssim(x, y)], arguments.repeats)
    print(f"{'SSIM 512 px':43} {ahead:9.1f} {back:9.1f} {ahead + back:9.1f}")
    for name, encoding in (("face", TriPlane(16, 38.4)), ("mouth", TriPlane(64, 57.6))):
        for count in (3_000, 12_000):
            points = (0.2 * torch.rand(count, 3) - 0.1).requires_grad_()
            ahead, back = split(
                lambda encoding=encoding, points=points: [encoding(points)], arguments.repeats
            )
            print(
                f"{f'tri-plane, {name}, {count // 1000}k points':43} {ahead:9.1f} {back:9.1f} "
                f"{ahead + back:9.1f}"
            )


if __name__ == "__main__":
    main()
