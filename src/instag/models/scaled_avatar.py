"""A scaled avatar: the same head in pictures of another size."""

from dataclasses import replace

import cv2

from instag.errors import BadArgument
from instag.models.avatar import Avatar
from instag.models.avatar_info import AvatarInfo
from instag.models.avatar_pictures import encode_torso
from instag.runtime.parallel import in_order

SIZES = (64, 1024)
"""Pixels of a side, least and most."""


def scaled(avatar: Avatar, size: int) -> Avatar:
    """The avatar in pictures of size x size pixels; itself where it has that size. A baked head
    stays: it does not depend on pictures. Raises BadArgument."""
    if size == avatar.info.size:
        return avatar
    if not SIZES[0] <= size <= SIZES[1]:
        raise BadArgument(f"size is {size}. Give {SIZES[0]} to {SIZES[1]} pixels.")
    way = cv2.INTER_AREA if size < avatar.info.size else cv2.INTER_CUBIC

    def scaled_torso(index: int) -> bytes:
        return encode_torso(cv2.resize(avatar.torso(index), (size, size), interpolation=way))

    return replace(
        avatar,
        info=info_of_size(avatar.info, size),
        backdrop=cv2.resize(avatar.backdrop, (size, size), interpolation=way),
        torso_files=list(in_order(scaled_torso, range(len(avatar.torso_files)))),
    )


def info_of_size(info: AvatarInfo, size: int) -> AvatarInfo:
    """That of the same head in pictures of size x size pixels."""
    return replace(info, size=size, focal=info.focal * size / info.size)
