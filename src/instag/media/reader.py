"""The door to media files: what the rest of instag reads sound and pictures with."""

from instag.media.flaws import Flaw, Notice, unnoticed
from instag.media.media_info import MediaInfo, probe
from instag.media.picture_conversion import Square
from instag.media.picture_reader import read_frames, skim_frames
from instag.media.sound_reader import read_sound, sound_channels, stream_sound

__all__ = [
    "Flaw",
    "MediaInfo",
    "Notice",
    "Square",
    "probe",
    "read_frames",
    "read_sound",
    "skim_frames",
    "sound_channels",
    "stream_sound",
    "unnoticed",
]
