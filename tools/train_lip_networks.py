"""Train the bundled lip networks from a folder of clips: python tools/train_lip_networks.py CLIPS
[--table FILE] [--without NAME ...] [--cache FOLDER] [-o FILE].

CLIPS are prepared by `instag prepare`, or observed by tools/observe_lips.py. Twice, networks learn
from some of the people and find the sound delay of the others, which is then corrected where the
estimate is certain: first quick ones, then some of the final recipe, whose scores on people left
out are the measure. Then the bundled networks learn from all. Codes keep the meaning of the bundled
ones, unless --new-basis is given.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import torch
from clip_arguments import add_clips, add_together, chosen_clips
from lip_training.basis import Basis, basis_of, learned_basis
from lip_training.folds import (
    fold_networks,
    folds_of,
    left_out_scores,
    mend_delays,
    people_sizes,
)
from lip_training.lessons import Learned, learned
from lip_training.people import Heard, Observed, heard_before, observe, principal_components
from lip_training.scores import summary
from lip_training.training import DELAYS_RECIPE, Recipe, train
from people_table import read_people
from safetensors.torch import save_file

from instag.speech.lips.network import LipModel, LipNet, lip_model_state, load_lip_model
from instag.speech.whisper import load_whisper_encoder

BUNDLED = Path("src/instag/bundled/lip_motion.safetensors")
NETS = 2


def main() -> None:
    chosen = arguments()
    torch.set_num_threads(1)  # a second thread wins little on small layers
    table = read_people(chosen.table)
    observed = [
        observe(folder, table.person(folder.stem, chosen.together))
        for folder in chosen_clips(chosen)
    ]
    heard = heard_by_all(observed, chosen.cache)
    basis = learned_basis(observed) if chosen.new_basis else basis_of(load_lip_model())
    mean, components = principal_components(heard)
    people = [
        learned(each, variants, basis, mean, components)
        for each, variants in zip(observed, heard, strict=True)
    ]
    print(
        f"{len(people)} clips of {len({each.person for each in observed})} people, "
        f"{sum(map(len, people))} frames, {so_far()}",
        flush=True,
    )

    def model_of(nets: Sequence[LipNet]) -> LipModel:
        return model_of_people(nets, observed, basis, mean, components)

    folds = folds_of(observed)
    networks = folds_after_delays(people, folds, basis, nets=chosen.fold_nets, seed=chosen.seed)
    final = model_of([train(people, Recipe(), seed=chosen.seed + 7000 + n) for n in range(NETS)])
    save_file(lip_model_state(final), str(chosen.output))
    if chosen.folds is not None:
        save_folds(chosen.folds, people, folds, [model_of(nets) for nets in networks])
    print(f"{chosen.output}: {chosen.output.stat().st_size / 1e6:.2f} MB, {final.weights_id}")
    print(so_far())
    lags = ", ".join(f"{each.name} {each.lag * 40:.0f}" for each in people)
    print(f"delays mended by (ms): {lags}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_clips(parser)
    add_together(parser)
    parser.add_argument("--table", type=Path, help="of people: see people_table.py")
    parser.add_argument("--cache", type=Path, help="a folder that keeps what the encoder finds")
    parser.add_argument("--output", "-o", type=Path, default=BUNDLED)
    parser.add_argument(
        "--folds",
        type=Path,
        help="a folder for networks that never saw a clip's person, NAME.safetensors, which "
        "benchmarks.people takes, and folds.pt, which benchmarks/speech_tables.py takes",
    )
    parser.add_argument("--fold-nets", type=int, default=1, help="networks of each fold")
    parser.add_argument("--new-basis", action="store_true", help="codes get a new meaning")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def so_far() -> str:
    return f"{time.process_time():.0f} s of the processor so far"


def heard_by_all(observed: Sequence[Observed], cache: Path | None) -> list[list[Heard]]:
    """The variants of each recording."""
    encoder = load_whisper_encoder()
    if cache is not None:
        cache.mkdir(parents=True, exist_ok=True)
    return [
        heard_before(
            each,
            [other.sound for other in observed if other.person != each.person],
            encoder,
            seed=crc32(each.name.encode()),
            cache=cache,
        )
        for each in observed
    ]


def folds_after_delays(
    people: Sequence[Learned], folds: dict[str, int], basis: Basis, *, nets: int, seed: int
) -> list[list[LipNet]]:
    """Networks of each fold, after others mended the delays; and they mend them again."""
    mend_delays(people, folds, fold_networks(people, folds, DELAYS_RECIPE, nets=1, seed=seed))
    print(f"delays, {so_far()}", flush=True)
    networks = fold_networks(people, folds, Recipe(), nets=nets, seed=seed + 100)
    print(f"folds, {so_far()}", flush=True)
    print(summary(left_out_scores(people, folds, networks, basis)), flush=True)
    mend_delays(people, folds, networks)
    return networks


def model_of_people(
    nets: Sequence[LipNet],
    observed: Sequence[Observed],
    basis: Basis,
    mean: torch.Tensor,
    components: torch.Tensor,
) -> LipModel:
    size, middle = people_sizes(observed, basis)
    return LipModel(
        networks=tuple(nets),
        code_deviation=size,
        mean_code=middle,
        feature_mean=mean,
        components=components,
        **vars(basis),
    )


def save_folds(
    folder: Path, people: Sequence[Learned], folds: dict[str, int], models: Sequence[LipModel]
) -> None:
    """Of each clip the model that never saw its person."""
    folder.mkdir(parents=True, exist_ok=True)
    states = [lip_model_state(model) for model in models]
    for each in people:
        save_file(states[folds[each.name]], str(folder / f"{each.name}.safetensors"))
    lags = {each.name: float(each.lag) for each in people}
    torch.save({"models": states, "folds": folds, "lags": lags}, folder / "folds.pt")


if __name__ == "__main__":
    main()
