"""The door to media files: what the rest of instag reads sound and pictures with."""

from instag.media.flaws import Flaw, Notice, unnoticed
from instag.media.media_info import MediaInfo, probe
from instag.media.picture_conversion import Square
from instag.media.picture_reader import (
    check_picture,
    picture_timeline,
    read_frames,
    skim_frames,
)
from instag.media.sound_reader import check_sound, find_sound, read_sound, stream_sound
from instag.media.sound_track import SoundChoice
from instag.media.timeline import Timeline

__all__ = [
    "Flaw",
    "MediaInfo",
    "Notice",
    "SoundChoice",
    "Square",
    "Timeline",
    "check_picture",
    "check_sound",
    "find_sound",
    "picture_timeline",
    "probe",
    "read_frames",
    "read_sound",
    "skim_frames",
    "stream_sound",
    "unnoticed",
]
