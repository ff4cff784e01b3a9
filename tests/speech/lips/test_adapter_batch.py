"""Adapters of several people at once: the codes of each."""

from dataclasses import replace

import torch

from instag.speech.lips.adapter import SpeakerAdapter, default_speaker_adapter
from instag.speech.lips.adapter_batch import AdapterBatch, AdapterTables
from instag.speech.lips.network import CODES, load_lip_model


def adapters() -> list[SpeakerAdapter]:
    """Of nobody, and of three people: with many seen codes, few and one, with long maps and short
    ones."""
    generator, of_nobody = (
        torch.Generator().manual_seed(0),
        default_speaker_adapter(load_lip_model()),
    )
    found = [of_nobody]
    for seen, pairs in ((60, 13), (9, 4), (1, 2)):
        rising = torch.rand(pairs, 2, generator=generator).cumsum(0) * 0.02 - 0.05
        found.append(
            replace(
                of_nobody,
                weights=of_nobody.weights * (1 + torch.rand(CODES, generator=generator)),
                aperture_map=rising,
                rest_aperture=0.01,
                seen_codes=0.3 * torch.randn(seen, CODES, generator=generator),
            )
        )
    return found


def test_each_gets_its_own_codes():
    model, several = load_lip_model(), adapters()
    features = len(several[0].weights)
    hidden = 4 * torch.randn(len(several), 5, features, generator=torch.Generator().manual_seed(1))
    together = AdapterBatch([AdapterTables.of(each) for each in several])
    found = together.live_code(hidden, model.aperture)
    alone = [
        adapter.live_code(row[None], model.aperture)[0]
        for adapter, row in zip(several, hidden, strict=True)
    ]
    torch.testing.assert_close(found, torch.stack(alone), atol=1e-4, rtol=1e-4)
    of_nobody = AdapterBatch([AdapterTables.of(several[0])] * len(several))
    torch.testing.assert_close(
        of_nobody.live_code(hidden, model.aperture), several[0].live_code(hidden, model.aperture)
    )
