"""A layer source: what drives a head in some frames and cameras go in, its Gaussians come out."""

from abc import ABC, abstractmethod
from typing import final

from instag.models.head import Head
from instag.models.render_head import Layer, layers, static_features
from instag.types import Camera, Condition


class LayerSource(ABC):
    """Gives the face and the inside of the mouth, deformed and coloured. All shapes depend on the
    arguments' shapes alone."""

    @abstractmethod
    def __call__(self, condition: Condition, camera: Camera) -> tuple[Layer, Layer]:
        """Face and mouth in these frames, on the device of the head."""


@final
class ExactLayers(LayerSource):
    """Evaluates the head's fields at every Gaussian."""

    def __init__(self, head: Head, *, degree: int) -> None:
        """degree: of the spherical harmonics."""
        self._head, self._degree = head, degree
        self._static = static_features(head)

    def __call__(self, condition: Condition, camera: Camera) -> tuple[Layer, Layer]:
        return layers(self._head, self._static, condition, camera, degree=self._degree)
