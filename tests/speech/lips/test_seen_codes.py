"""Codes are kept near those that were seen."""

import torch

from instag.speech.lips.seen_codes import SeenCodes


def test_codes_keep_near_what_was_seen():
    random = torch.Generator().manual_seed(0)
    seen = torch.randn(120, 12, generator=random) * torch.linspace(1.0, 0.2, 12)
    torch.testing.assert_close(SeenCodes(seen).clamp(seen), seen)
    far = seen[:10] + 20 * torch.linspace(1.0, 0.2, 12)
    kept = SeenCodes(seen).clamp(far)

    def apart(codes: torch.Tensor) -> torch.Tensor:
        return torch.cdist(codes / seen.std(0), seen / seen.std(0)).amin(1)

    assert (apart(far) > 20).all()
    assert (apart(kept) < 4).all()
    steps = torch.lerp(seen[:1], far[:1], torch.linspace(0, 1, 200)[:, None])
    assert SeenCodes(seen).clamp(steps).diff(dim=0).abs().max() < 0.5
    torch.testing.assert_close(SeenCodes(seen[:0]).clamp(far), far)
