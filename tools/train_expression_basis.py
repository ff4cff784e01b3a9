"""Learn how anybody's upper face moves with its action units from prepared clips: python
tools/train_expression_basis.py CLIPS [--without NAME ...] [-o FILE].

A ridge regression from the strengths of the units to the landmarks that do not speak, in metres,
each person's mean taken out. Of a clip it reads only the
track and the action units. First each person is left out in turn for a measurement; then the
bundled map is learned from all.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from clip_arguments import add_clips, add_together, chosen_clips
from jaxtyping import Float, Int
from safetensors.torch import save_file
from torch import Tensor

from instag.data.clip import Clip
from instag.motion.expression_basis import (
    BLINK_ROW,
    ExpressionBasis,
    eye_opening,
    stored_form,
    strengths,
)
from instag.motion.landmark_motion import LandmarkMotion, landmark_motion
from instag.perception.action_units import INNER_BROWS, OUTER_BROWS, UPPER_LIDS
from instag.synthetic.face import CANONICAL_FACE
from instag.types import BLINK_LIMIT, EXPRESSION_UNITS

RIDGE = 1e-3
"""Of the mean square of the strengths."""
FEW_PEOPLE = 0.9
"""So many people never show a unit stronger than the strongest that is made up."""
BLINKED = 1.8
"""AU45 of a frame that counts as a blink in the table."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """A clip. opening: of the eyes at rest, metres."""

    name: str
    motion: LandmarkMotion
    expression: Float[Tensor, "f 6"]
    opening: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_clips(parser)
    add_together(parser)
    parser.add_argument(
        "--output", "-o", type=Path, default=Path("src/instag/bundled/expressions.safetensors")
    )
    chosen = parser.parse_args()
    people = [read_person(Clip.open(folder)) for folder in chosen_clips(chosen)]
    speak = torch.stack(
        [
            torch.zeros(len(person.motion.points)).index_fill(0, person.motion.speaks, 1.0)
            for person in people
        ]
    ).mean(0)
    points = torch.nonzero(speak < 0.5)[:, 0]
    print(
        f"{len(people)} clips, {sum(len(person.expression) for person in people)} frames, "
        f"{len(points)} landmarks"
    )
    print_left_out(people, chosen.together, points)
    learned = learn(people, points)
    save_file(stored_form(learned), str(chosen.output))
    print(f"{chosen.output}: {chosen.output.stat().st_size / 1e3:.0f} kB")
    print(
        "strongest:",
        ", ".join(
            f"{name} {value:.2f}"
            for name, value in zip(EXPRESSION_UNITS, learned.strongest.tolist(), strict=True)
        ),
    )


def read_person(clip: Clip) -> Person:
    motion, units = (
        landmark_motion(clip.track(), clip.size()),
        clip.action_units(),
    )
    expression = torch.from_numpy(np.stack([units[name] for name in EXPRESSION_UNITS], axis=1))
    return Person(
        name=clip.folder.stem,
        motion=motion,
        expression=expression,
        opening=eye_opening(motion.points),
    )


def learn(people: list[Person], points: Int[Tensor, " p"]) -> ExpressionBasis:
    """Each person counts by the root of the frames, and the eyes' opening is brought to people's
    mean."""
    opening = float(np.mean([person.opening for person in people]))
    squares, products = (
        torch.zeros(BLINK_ROW + 1, BLINK_ROW + 1),
        torch.zeros(BLINK_ROW + 1, len(points) * 2),
    )
    for person in people:
        given, moved = strengths(person.expression), person.motion.shift[:, points].flatten(1)
        given[:, BLINK_ROW] *= person.opening / opening
        given, moved = given - given.mean(0), moved - moved.mean(0)
        squares += given.T @ given / len(given) ** 0.5
        products += given.T @ moved / len(given) ** 0.5
    basis = torch.linalg.solve(
        squares + RIDGE * squares.trace() / len(squares) * torch.eye(len(squares)), products
    ).unflatten(1, (-1, 2))
    # A blink deceives the tracker a little: what forehead and cheeks do in one is the head's pose,
    # not skin.
    basis[BLINK_ROW] -= basis[BLINK_ROW].median(0).values
    # A unit is the mean of both sides, and a few crooked brows among the people are nobody else's.
    basis = (basis + basis[:, mirrored(points)] * torch.tensor([-1.0, 1.0])) / 2
    strongest = torch.stack([person.expression.amax(0) for person in people]).quantile(
        FEW_PEOPLE, dim=0
    )
    strongest[BLINK_ROW] = BLINK_LIMIT
    return ExpressionBasis(points=points, basis=basis, strongest=strongest, opening=opening)


def mirrored(points: Int[Tensor, " p"]) -> Int[Tensor, " p"]:
    """Rows of the landmarks on the other side of the face."""
    with np.load(CANONICAL_FACE) as stored:
        places = torch.from_numpy(stored["vertices"].astype(np.float32))[points]
    return torch.cdist(places * torch.tensor([-1.0, 1.0, 1.0]), places).argmin(1)


def print_left_out(people: list[Person], together: list[str], points: Int[Tensor, " p"]) -> None:
    """How much of a person's motion up and down a map explains that has not seen the person, and
    how far it leaves the upper lids in blinks from the truth."""

    def identity(person: Person) -> str:
        return next((start for start in together if person.name.startswith(start)), person.name)

    print(f"{'left out':12} lids R2  brows R2  all R2  blink frames  lids too low in them, mm (of)")
    rows = []
    for person in people:
        map_of_others = learn(
            [other for other in people if identity(other) != identity(person)], points
        ).fitted(person.motion.points)
        moved = person.motion.shift[:, points]
        predicted = map_of_others.change(torch.zeros_like(person.expression), person.expression)
        moved, predicted = moved - moved.mean(0), predicted - predicted.mean(0)
        lids, brows = (
            torch.isin(points, torch.tensor(some))
            for some in (UPPER_LIDS, INNER_BROWS + OUTER_BROWS)
        )
        explained = [
            1
            - float(
                (moved - predicted)[:, some, 1:].square().sum() / moved[:, some, 1:].square().sum()
            )
            for some in (lids, brows, lids | ~lids)
        ]
        blinks = person.expression[:, BLINK_ROW] > BLINKED
        low, of = (
            float(values[blinks][:, lids, 1].mean()) * 1000
            for values in (moved - predicted, -moved)
        )
        rows.append((*explained, int(blinks.sum())))
        print(
            f"{person.name:12} {explained[0]:7.2f}  {explained[1]:8.2f}  {explained[2]:6.2f}  "
            f"{int(blinks.sum()):12}  {low:.1f} ({of:.1f})"
        )
    table = np.array(rows)
    lids, brows, everything = table[:, :3].mean(0)
    print(
        f"{'mean':12} {lids:7.2f}  {brows:8.2f}  {everything:6.2f}  lids of those who blink: "
        f"{table[table[:, 3] > 2, 0].mean():.2f}"
    )


if __name__ == "__main__":
    main()
