"""Measure two avatars of one person on frames that neither was taught, and compare them.

python examples/03_evaluate_and_compare.py me.clip draft.avatar few.avatar reports
"""

import sys
from pathlib import Path

import instag
from instag.evaluation.compare import compare_reports


def main(clip: str, first: str, second: str, output: str) -> Path:
    """Writes a report for each, and a page with both."""
    opened, folders = instag.Clip.open(clip), []
    for avatar in (first, second):
        evaluation = instag.evaluate(avatar, opened, with_speed=False)
        psnr = evaluation.metrics.row("psnr_full")
        assert psnr is not None
        print(f"{avatar}: PSNR {psnr.value:.2f} dB")
        folders.append(Path(output) / Path(avatar).stem)
        instag.write_report(evaluation, folders[-1])
    page = compare_reports(folders, Path(output) / "comparison.html")
    print(page)
    return page


if __name__ == "__main__":
    main(*sys.argv[1:])
