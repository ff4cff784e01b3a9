"""Casts: the avatars that live sessions show, each made ready once and shared by its sessions."""

from collections.abc import Collection
from typing import final

import torch

from instag.errors import BadArgument
from instag.models.avatar import Avatar
from instag.runtime.garbage import loading_uncollected
from instag.speech.lips.adapter import SpeakerAdapter
from instag.speech.lips.front_end import LipCodeFrontEnd
from instag.speech.lips.live_ear import LiveEar
from instag.speech.lips.live_features import look_ahead_steps
from instag.speech.lips.live_network import LiveNetwork, live_network
from instag.speech.lips.network import LipModel
from instag.speech.whisper import load_whisper_encoder
from instag.synthesis.live.motion import LiveMotion
from instag.synthesis.live.painter import REST, LiveHead, LivePainter

KEPT_CASTS = 2
"""Avatars that stay ready though no session shows them."""


@final
class Cast:
    """An avatar of one size that sessions share."""

    def __init__(
        self,
        avatar: Avatar,
        front_end: LipCodeFrontEnd,
        network: LiveNetwork,
        device: torch.device,
    ) -> None:
        self.avatar, self._front_end, self._network = avatar, front_end, network
        self.head = LiveHead(avatar, device)

    def ear(self) -> LiveEar:
        """One for a session."""
        return LiveEar(self._front_end, self._network)

    def motion(self) -> LiveMotion:
        """The same."""
        return LiveMotion(self.head.controls.start)


@final
class Casts:
    """Used by one thread at a time."""

    def __init__(self, device: torch.device, painter: LivePainter, *, look_ahead_s: float) -> None:
        """painter: of the first frame of each. look_ahead_s: as in Studio."""
        self._device, self._painter, self._look_ahead_s = device, painter, look_ahead_s
        self._encoder = load_whisper_encoder().to(device)
        self._networks: dict[int, LiveNetwork] = {}
        self._casts: list[Cast] = []
        self._has_painted = False

    def of(self, avatar: Avatar) -> Cast:
        """That of this very object, made now where there is none. Raises BadArgument for a head
        that lip codes do not drive."""
        cast = next((each for each in self._casts if each.avatar is avatar), None)
        if cast is not None:
            self._casts.remove(cast)
        elif self._has_painted:
            cast = self._made(avatar)
        else:
            # Later collections of garbage, which stop all threads, do not look through what this
            # loads.
            with loading_uncollected():
                cast, self._has_painted = self._made(avatar), True
        self._casts.append(cast)
        return cast

    def keep(self, shown: Collection[Cast]) -> None:
        """Those that sessions show, and the last few others."""
        unused = [cast for cast in self._casts if not any(cast is each for each in shown)]
        for cast in unused[:-KEPT_CASTS]:
            self._casts.remove(cast)
            cast.head.close()

    def close(self) -> None:
        """End their threads."""
        for cast in self._casts:
            cast.head.close()
        self._casts.clear()

    def _made(self, avatar: Avatar) -> Cast:
        front_end = self._front_end(avatar)
        cast = Cast(avatar, front_end, self._network(front_end.model), self._device)
        # A frame that nobody sees: kernels are compiled now, not in the first one shown.
        self._painter.paint([(cast.head, REST)])
        return cast

    def _network(self, model: LipModel) -> LiveNetwork:
        """What hears for all avatars with these lip networks."""
        if model.weights_id not in self._networks:
            steps = look_ahead_steps(self._look_ahead_s)
            self._networks[model.weights_id] = live_network(self._encoder, model, steps)
        return self._networks[model.weights_id]

    def _front_end(self, avatar: Avatar) -> LipCodeFrontEnd:
        if avatar.conditioning.kind != "lip_codes" or avatar.speaker_adapter is None:
            raise BadArgument(
                f"This avatar is driven by {avatar.info.front_end} features, which look too far "
                "ahead to be live. Learn it again from its clip: instag adapt CLIP --speech motion"
            )
        return LipCodeFrontEnd(
            SpeakerAdapter.of_state(avatar.speaker_adapter),
            encoder=self._encoder,
            look_ahead_s=self._look_ahead_s,
        )
