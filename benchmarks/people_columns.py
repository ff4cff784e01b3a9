"""The columns of the tables over people."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Column:
    """A number of a table. key: of a row of metrics.json, or of a sweep. more: whether more is
    better; None where neither is."""

    key: str
    title: str
    more: bool | None
    digits: int


def _more(key: str, title: str, digits: int = 1) -> Column:
    return Column(key=key, title=title, more=True, digits=digits)


def _less(key: str, title: str, digits: int) -> Column:
    return Column(key=key, title=title, more=False, digits=digits)


def _neither(key: str, title: str, digits: int) -> Column:
    return Column(key=key, title=title, more=None, digits=digits)


MAIN = (
    _more("psnr_full", "PSNR, dB"),
    _more("psnr_face", "face box"),
    _more("ssim_full", "SSIM", 3),
    _less("lpips_full", "LPIPS", 3),
    _more("psnr_mouth", "mouth box, dB"),
    _less("lmd", "LMD, px", 2),
    _more("aperture_correlation", "lips' opening, correlation", 2),
    _more("aperture_movement", "movement", 2),
)
"""The table of docs/performance.md."""
SHORT = (
    _more("psnr_full", "PSNR, dB"),
    _more("ssim_full", "SSIM", 3),
    _less("lpips_full", "LPIPS", 3),
    _less("lmd", "landmarks of the mouth, px off", 2),
    _more("aperture_correlation", "lips' opening, correlation", 2),
)
"""That of the README."""
PARTS = (
    _more("psnr_outline", "outline, dB"),
    _more("psnr_hair", "hair"),
    _more("psnr_eyes", "eyes"),
    _more("psnr_neck", "neck"),
    _less("lpips_face", "face box, LPIPS", 3),
    _less("lpips_outline", "outline", 3),
    _less("lpips_hair", "hair", 3),
    _less("lpips_eyes", "eyes", 3),
    _less("lpips_mouth", "mouth box", 3),
    _less("lpips_neck", "neck", 3),
)
FAILURES = (
    _more("psnr_full_worst", "worst twentieth, dB"),
    _more("psnr_face_worst", "face box"),
    _less("broken_frames", "broken frames, %", 1),
    _less("faceless", "frames without a face", 0),
    _neither("outside", "frames beyond the taught, %", 0),
    _more("psnr_face_outside", "face box there, dB"),
    _more("psnr_face_within", "face box elsewhere"),
    _neither("blinks", "blinks", 0),
    _less("blink_closure", "lids' least opening", 2),
    _neither("blink_closure_truth", "true", 2),
    _more("eye_correlation", "eyes' opening, correlation", 2),
)
SWEEPS = (
    _less("sweep_holes_rest", "holes at rest, %", 2),
    _less("sweep_holes", "holes, %", 2),
    _less("sweep_strain", "strain", 2),
    _less("sweep_stretch", "stretch", 1),
    _less("sweep_jump", "jump", 1),
    _less("sweep_lids", "lids closed by AU45", 2),
)
TABLES = {
    "Pictures and lips": MAIN,
    "Parts of the picture": PARTS,
    "Where it fails": FAILURES,
    "Sweeps": SWEEPS,
}
