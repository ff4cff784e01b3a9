"""Sweeps of finished heads, each beyond what it was taught: python -m benchmarks.sweeps AVATAR...
[-o FOLDER].

Prints a row a sweep, the worst of all, and draws a contact sheet a head. What the numbers mean:
docs/evaluation.md.
"""

from pathlib import Path

from benchmarks.command_line import parser_of
from benchmarks.sweep_sheet import sweep_sheet

from instag.evaluation.picture_sheets import write_png
from instag.evaluation.sweeps.faults import Faults
from instag.evaluation.sweeps.measure_sweeps import SweepMeasurement, measure_sweeps
from instag.models.avatar import Avatar
from instag.runtime.device import device_named


def table(found: SweepMeasurement) -> str:
    """A row a sweep, then the worst of each number."""
    rows = [("rest", found.rest), *((one.name, one.faults) for one in found.results)]
    return "\n".join(
        [
            "| sweep | holes, % | strain | stretch | jump |",
            "|---|---|---|---|---|",
            *(_row(name, faults) for name, faults in rows),
            _row("**worst**", found.worst),
            "",
            f"Lids at the strongest blink, of those without one: {_lids(found)}.",
        ]
    )


def _row(name: str, faults: Faults) -> str:
    holes, strain = f"{100 * faults.holes:.2f}", f"{faults.strain:.2f}"
    return f"| {name} | {holes} | {strain} | {faults.stretch:.1f} | {faults.jump:.1f} |"


def _lids(found: SweepMeasurement) -> str:
    return f"{found.lids:.2f}" if isinstance(found.lids, float) else str(found.lids)


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("avatars", type=Path, nargs="+")
    parser.add_argument("-o", "--output", type=Path, default=Path("sweeps"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seed", type=int, default=0, help="of the random mixtures")
    chosen = parser.parse_args()
    for path in chosen.avatars:
        found = measure_sweeps(
            Avatar.open(path), seed=chosen.seed, device=device_named(chosen.device)
        )
        sheet = chosen.output / f"{path.stem}.sweeps.png"
        write_png(sheet, sweep_sheet(found))
        print(f"## {path.stem}\n\n{table(found)}\n\n{sheet}")


if __name__ == "__main__":
    main()
