"""The summary of an evaluation on the command line: two sentences, or every number as JSON."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from instag.evaluation.evaluate import Evaluation
    from instag.evaluation.not_measured import NotMeasured


def short_form(evaluation: "Evaluation") -> list[str]:
    """The numbers that matter most, in two sentences."""
    about = evaluation.metrics.about
    frames = f"{about['frames']} frames, {about['size']}"
    return [f"{frames}, whole picture: {_image_sentence(evaluation)}.", _lips_sentence(evaluation)]


def numbers(evaluation: "Evaluation") -> dict[str, object]:
    """The number of compared frames, and every metric by its key; None where it was not
    measured."""
    from instag.evaluation.not_measured import NotMeasured

    return {
        "frames": evaluation.measured.frames,
        **{
            row.key: None if isinstance(row.value, NotMeasured) else row.value
            for row in evaluation.metrics.rows
        },
    }


def _image_sentence(evaluation: "Evaluation") -> str:
    from instag.evaluation.not_measured import NotMeasured
    from instag.evaluation.number_format import shown

    psnr, ssim, lpips = (_value(evaluation, f"{name}_full") for name in ("psnr", "ssim", "lpips"))
    distance = (
        "not measured (instag assets get lpips)" if isinstance(lpips, NotMeasured) else shown(lpips)
    )
    return f"PSNR {shown(psnr)} dB, SSIM {shown(ssim)}, LPIPS {distance}"


def _lips_sentence(evaluation: "Evaluation") -> str:
    from instag.evaluation.not_measured import NotMeasured
    from instag.evaluation.number_format import shown

    correlation, lag, movement, lmd = (
        _value(evaluation, key)
        for key in ("aperture_correlation", "aperture_lag", "aperture_movement", "lmd")
    )
    if isinstance(correlation, NotMeasured):
        return f"Lips: {correlation}."
    return (
        f"Lips: opening follows the true one with correlation {correlation:.2f} (lag of the best "
        f"fit: {shown(lag)} frames), moves {shown(movement)} of it; LMD {shown(lmd)} px."
    )


def _value(evaluation: "Evaluation", key: str) -> "float | NotMeasured":
    from instag.evaluation.not_measured import NotMeasured

    row = evaluation.metrics.row(key)
    return NotMeasured("no such number") if row is None else row.value
