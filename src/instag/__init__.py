"""Personalised 3D talking heads from a few seconds of video."""

__version__ = "0.1.0"
