"""A procedural speaker for the demo and the tests: a 3D head whose lips follow known phonemes.

Its geometry, poses, regions and lip motion are known exactly, so that estimates can be compared
with them."""

from instag.assets.sample_speech import Recording, recording
from instag.synthetic.performance import Performance, Speaker, Truth, perform, write_video
from instag.synthetic.truth_clip import write_clip

__all__ = [
    "Performance",
    "Recording",
    "Speaker",
    "Truth",
    "perform",
    "recording",
    "write_clip",
    "write_video",
]
