"""How FFmpeg converts pixels without losing a level."""

from av.video.reformatter import Interpolation

EXACT = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
"""Without these FFmpeg's conversions darken a picture by one level."""
