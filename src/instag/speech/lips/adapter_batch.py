"""A batch of speaker adapters: lip codes of several people at once, for live sessions of as many
avatars. Asked one after the other, sixteen adapters take longer than a frame lasts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from instag.speech.lips.adapter import SpeakerAdapter, sharpened, uncross_lips
from instag.speech.lips.seen_codes import SeenCodes, nearness, share_kept

FARTHEST = 1e3
"""Deviations to a code that fills a shorter table: the softmax of its distance is 0."""


@final
@dataclass(frozen=True, kw_only=True)
class AdapterTables:
    """An adapter with what no frame changes. seen: its codes in their deviations, `size`; empty
    where it has none."""

    adapter: SpeakerAdapter
    size: Float[Tensor, " k"]
    seen: Float[Tensor, "s k"]

    @classmethod
    def of(cls, adapter: SpeakerAdapter) -> "AdapterTables":
        """Computed once for a session."""
        seen = SeenCodes(adapter.seen_codes)
        return cls(adapter=adapter, size=seen.size, seen=seen.scaled)


@final
class AdapterBatch:
    """One row for each adapter; the codes are those of `SpeakerAdapter.live_code`, but for
    rounding."""

    def __init__(self, tables: Sequence[AdapterTables]) -> None:
        adapters = [each.adapter for each in tables]
        self._weights = torch.stack([each.weights for each in adapters])
        self._bias = torch.stack([each.bias for each in adapters])[:, None]
        self._opening = torch.stack([each.opening for each in adapters])
        self._rest = torch.tensor([each.rest_aperture for each in adapters])
        self._maps = _padded([each.aperture_map for each in adapters], torch.inf)
        self._pairs = torch.tensor([len(each.aperture_map) for each in adapters])
        self._size = torch.stack([each.size for each in tables])
        self._seen = _padded([each.seen for each in tables], FARTHEST)
        self._any_seen = torch.tensor([len(each.seen) > 0 for each in tables])[:, None]

    def live_code(
        self, hidden: Float[Tensor, "b 5 n"], aperture: Float[Tensor, " k"]
    ) -> Float[Tensor, "b k"]:
        """See SpeakerAdapter.live_code."""
        code = sharpened((torch.bmm(hidden, self._weights) + self._bias).mT)
        predicted = code @ aperture
        change = self._mapped(predicted) - predicted
        opened = code + change[:, None] * self._opening
        return self._clamped(uncross_lips(opened, aperture, self._rest))

    def _mapped(self, values: Float[Tensor, " b"]) -> Float[Tensor, " b"]:
        """See adapter.piecewise_linear."""
        starts = self._maps[..., 0].contiguous()
        after = torch.searchsorted(starts, values[:, None])[:, 0]
        last, rows = self._pairs - 1, torch.arange(len(values))
        after = after.clamp(min=1).minimum(last.clamp_min(1))
        low, high = self._maps[rows, after - 1], self._maps[rows, after.minimum(last)]
        start, end = self._maps[:, 0], self._maps[rows, last]
        share = (values - low[:, 0]) / (high[:, 0] - low[:, 0]).clamp_min(1e-6)
        inside = low[:, 1] + share * (high[:, 1] - low[:, 1])
        beyond = torch.where(values > end[:, 0], end[:, 1] + values - end[:, 0], inside)
        return torch.where(values < start[:, 0], start[:, 1] + values - start[:, 0], beyond)

    def _clamped(self, code: Float[Tensor, "b k"]) -> Float[Tensor, "b k"]:
        """See SeenCodes.clamp."""
        if not self._seen.shape[1]:
            return code
        scaled = code / self._size
        weights = nearness(torch.cdist(scaled[:, None], self._seen))
        near = torch.bmm(weights, self._seen)[:, 0]
        away = scaled - near
        return torch.where(self._any_seen, (near + away * share_kept(away)) * self._size, code)


def _padded(tables: Sequence[Tensor], filling: float) -> Tensor:
    return pad_sequence(list(tables), batch_first=True, padding_value=filling)
