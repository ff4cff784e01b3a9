"""Files with random weights whose names and shapes are those that were published, written without
our own modules."""

import warnings
from pathlib import Path

import torch
from torch import Tensor

Shapes = dict[str, tuple[int, ...]]


def norm(name: str, width: int) -> Shapes:
    return {
        **{
            f"{name}.{part}": (width,) for part in ("weight", "bias", "running_mean", "running_var")
        },
        f"{name}.num_batches_tracked": (),
    }


def conv_norm(name: str, inputs: int, outputs: int, kernel: int = 3) -> Shapes:
    return {f"{name}.conv.weight": (outputs, inputs, kernel, kernel), **norm(f"{name}.bn", outputs)}


def bisenet() -> Shapes:
    """79999_iter.pth, the two outputs that only training used included."""
    shapes: Shapes = {"cp.resnet.conv1.weight": (64, 3, 7, 7), **norm("cp.resnet.bn1", 64)}
    for layer, (inputs, outputs) in enumerate(((64, 64), (64, 128), (128, 256), (256, 512)), 1):
        for block in range(2):
            name, first = f"cp.resnet.layer{layer}.{block}", inputs if block == 0 else outputs
            shapes |= {
                f"{name}.conv1.weight": (outputs, first, 3, 3),
                **norm(f"{name}.bn1", outputs),
            }
            shapes |= {
                f"{name}.conv2.weight": (outputs, outputs, 3, 3),
                **norm(f"{name}.bn2", outputs),
            }
            if first != outputs:
                shapes |= {
                    f"{name}.downsample.0.weight": (outputs, first, 1, 1),
                    **norm(f"{name}.downsample.1", outputs),
                }
    for scale, width in ((16, 256), (32, 512)):
        name = f"cp.arm{scale}"
        shapes |= {
            **conv_norm(f"{name}.conv", width, 128),
            f"{name}.conv_atten.weight": (128, 128, 1, 1),
            **norm(f"{name}.bn_atten", 128),
        }
        shapes |= conv_norm(f"cp.conv_head{scale}", 128, 128)
    shapes |= {**conv_norm("cp.conv_avg", 512, 128, 1), **conv_norm("ffm.convblk", 256, 256, 1)}
    shapes |= {"ffm.conv1.weight": (64, 256, 1, 1), "ffm.conv2.weight": (256, 64, 1, 1)}
    for name, inputs, width in (
        ("conv_out", 256, 256),
        ("conv_out16", 128, 64),
        ("conv_out32", 128, 64),
    ):
        shapes |= {
            **conv_norm(f"{name}.conv", inputs, width),
            f"{name}.conv_out.weight": (19, width, 1, 1),
        }
    return shapes


def easyportrait() -> Shapes:
    """The state_dict of fpn-fp-512.pth, as mmsegmentation names it."""
    shapes: Shapes = {}
    for place, (inputs, outputs) in enumerate(((3, 32), (32, 32), (32, 64))):
        shapes |= {
            f"backbone.stem.{3 * place}.weight": (outputs, inputs, 3, 3),
            **norm(f"backbone.stem.{3 * place + 1}", outputs),
        }
    inputs = 64
    for layer, (width, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), 1):
        for block in range(blocks):
            name = f"backbone.layer{layer}.{block}"
            for number, (first, last, kernel) in enumerate(
                ((inputs, width, 1), (width, width, 3), (width, 4 * width, 1)), 1
            ):
                shapes |= {
                    f"{name}.conv{number}.weight": (last, first, kernel, kernel),
                    **norm(f"{name}.bn{number}", last),
                }
            if block == 0:
                shapes |= {
                    f"{name}.downsample.0.weight": (4 * width, inputs, 1, 1),
                    **norm(f"{name}.downsample.1", 4 * width),
                }
            inputs = 4 * width
    for level, width in enumerate((256, 512, 1024, 2048)):
        shapes |= {
            f"neck.lateral_convs.{level}.conv.weight": (256, width, 1, 1),
            f"neck.lateral_convs.{level}.conv.bias": (256,),
        }
        shapes |= {
            f"neck.fpn_convs.{level}.conv.weight": (256, 256, 3, 3),
            f"neck.fpn_convs.{level}.conv.bias": (256,),
        }
        for step in range(max(1, level)):
            shapes |= conv_norm(
                f"decode_head.scale_heads.{level}.{2 * step}", 256 if step == 0 else 128, 128
            )
    return {
        **shapes,
        "decode_head.conv_seg.weight": (8, 128, 1, 1),
        "decode_head.conv_seg.bias": (8,),
    }


def random_weights(shapes: Shapes) -> dict[str, Tensor]:
    """Scaled so that no layer dies or explodes."""
    generator = torch.Generator().manual_seed(0)
    state = {}
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(1000)
        elif name.endswith("running_var"):
            state[name] = torch.ones(shape)
        elif len(shape) == 4:
            state[name] = (
                torch.randn(shape, generator=generator)
                * (2 / (shape[1] * shape[2] * shape[3])) ** 0.5
            )
        else:
            state[name] = (torch.ones if name.endswith("weight") else torch.zeros)(shape)
    return state


def parameters(shapes: Shapes) -> int:
    """Numbers that training changes."""
    counted = (
        shape
        for name, shape in shapes.items()
        if "running" not in name and "num_batches" not in name
    )
    return sum(int(torch.tensor(shape).prod()) for shape in counted)


def save(path: Path, state: dict[str, Tensor], **around: object) -> Path:
    """As torch.save writes it; `around` is what else the file holds."""
    torch.save({"state_dict": state, **around} if around else state, path)
    return path


class Pooled(torch.nn.Module):
    """Stands for a TorchScript network: `channels` copies of the picture's first channel at a
    quarter of its size."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        return torch.nn.functional.avg_pool2d(x[:, :1], 4).repeat(1, self.channels, 1, 1)


def save_torchscript(path: Path, channels: int) -> Path:
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # torch would rather export; the files were published so
        torch.jit.save(torch.jit.trace(Pooled(channels), torch.zeros(1, 3, 256, 256)), str(path))
    return path
