"""Numbers that others published: other people, other frames, another machine. To see the order of
things, not to rank."""

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, kw_only=True)
class PaperResult:
    """A row of a paper's table for five seconds of video; numbers by the keys of metrics.json,
    where our definition is the published one or near it."""

    name: str
    numbers: dict[str, float]


NOTE = "As published, of other people."
SIZE, TAUGHT = "512x512", "5 s"
"""Of the pictures and of the taught video that these numbers are of."""
ROWS = (
    PaperResult(
        name="InsTaG (CVPR 2025)",
        numbers={
            "psnr_full": 28.86,
            "lpips_full": 0.039,
            "ssim_face": 0.861,
            "lmd_centred": 3.167,
            "aue_lower": 0.926,
            "aue_upper": 0.313,
            "sync_confidence": 5.318,
        },
    ),
    PaperResult(
        name="EmoTaG (CVPR 2026)",
        numbers={
            "psnr_full": 30.02,
            "lpips_full": 0.019,
            "lmd_centred": 2.221,
            "aue_lower": 0.685,
            "aue_upper": 0.210,
            "sync_confidence": 6.212,
        },
    ),
)
