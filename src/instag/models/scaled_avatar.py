"""A scaled avatar: the same head in pictures of another size."""

from dataclasses import replace

import cv2

from instag.errors import BadArgument
from instag.models.avatar import Avatar, encode_torso

SIZES = (64, 1024)
"""Pixels of a side, least and most."""


def scaled(avatar: Avatar, size: int) -> Avatar:
    """The avatar in pictures of size x size pixels; itself where it has that size. A baked head
    stays: it does not depend on pictures. Raises BadArgument."""
    if size == avatar.info.size:
        return avatar
    if not SIZES[0] <= size <= SIZES[1]:
        raise BadArgument(f"size is {size}. Give {SIZES[0]} to {SIZES[1]} pixels.")
    focal = avatar.info.focal * size / avatar.info.size
    way = cv2.INTER_AREA if size < avatar.info.size else cv2.INTER_CUBIC
    return replace(
        avatar,
        info=replace(avatar.info, size=size, focal=focal),
        backdrop=cv2.resize(avatar.backdrop, (size, size), interpolation=way),
        torso_files=[
            encode_torso(cv2.resize(avatar.torso(index), (size, size), interpolation=way))
            for index in range(len(avatar.torso_files))
        ],
    )
