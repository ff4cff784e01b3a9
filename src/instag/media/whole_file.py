"""Whether a file is whole: formats that state their length are walked through, before FFmpeg, which
reads what is left of a file that was cut off without a word."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, final

from instag.errors import Truncated

MP4_LIKE, RIFF = b"ftyp", b"RIFF"
MISSING_SHARE = 0.02
"""Of what an AVI or a sound file states: an AVI's index lies at its end, and can be done
without."""


@final
@dataclass(frozen=True, kw_only=True)
class ChunkForm:
    """How a file of chunks is laid out, one of which holds all samples. first: where its first
    chunk is. name, size: bytes of a chunk's name and length. order: of the length's bytes. data:
    the name of the chunk of samples. itself: whether lengths count name and length. even: chunks
    begin at multiples of so many bytes."""

    first: int
    name: int
    size: int
    order: Literal["little", "big"]
    data: bytes
    itself: bool = False
    even: int = 1


SAMPLED = {
    RIFF: ChunkForm(first=12, name=4, size=4, order="little", data=b"data", even=2),
    b"riff": ChunkForm(
        first=40,
        name=16,
        size=8,
        order="little",
        data=b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a",
        itself=True,
        even=8,
    ),
    b"caff": ChunkForm(first=8, name=4, size=8, order="big", data=b"data"),
}
"""WAV, Sony Wave64 and CAF, by how they begin."""
MOST_CHUNKS = 10_000
"""Before the samples."""
UNKNOWN_SIZE = 0x7FFF0000
"""Of a WAV: programs that write into a pipe state such a length of samples, or a larger one."""


def refuse_cut_off(path: Path, head: bytes) -> None:
    """Raises Truncated where an MP4, AVI, WAV, Wave64 or CAF states more than there is. head: its
    first twelve bytes or more."""
    if head[4:8] == MP4_LIKE:
        _check_boxes(path)
    elif head[:4] == RIFF and head[8:12] == b"AVI ":
        _check_riffs(path)
    elif head[:4] in SAMPLED:
        _check_samples(path, SAMPLED[head[:4]])


def _check_boxes(path: Path) -> None:
    """Walk the top-level boxes of an MP4: each gives its length, and the index (moov) must be among
    them."""
    length = path.stat().st_size
    position, kinds = 0, set()
    with path.open("rb") as handle:
        while position + 8 <= length:
            handle.seek(position)
            head = handle.read(16)
            size, kind = int.from_bytes(head[:4], "big"), head[4:8]
            kinds.add(kind)
            if size == 1:
                size = int.from_bytes(head[8:16], "big")
            size = length - position if size == 0 else size
            if size < 8:
                break
            if position + size > length and kind in (b"mdat", b"moov", b"moof"):
                missing = position + size - length
                raise Truncated(
                    f"{path} is cut off: {missing:,} of its {position + size:,} bytes are missing "
                    "at the end. Copy or download it again."
                )
            position += size
    if b"moov" not in kinds:
        raise Truncated(
            f"{path} is cut off: it has no index (moov), which a recorder writes last. Copy or "
            "download it again, or record it again."
        )


def _check_riffs(path: Path) -> None:
    """Walk the parts of an AVI, each of which gives its length: FFmpeg shortens what a cut file
    states."""
    length, position = path.stat().st_size, 0
    with path.open("rb") as handle:
        while position + 12 <= length:
            handle.seek(position)
            name, size = handle.read(4), int.from_bytes(handle.read(4), "little")
            if name != RIFF or size in (0, 2**32 - 1):  # written to its end by nobody
                return
            position += 8 + size
    missing = position - length
    if missing > MISSING_SHARE * position:
        raise Truncated(
            f"{path} is cut off: {missing:,} of its {position:,} bytes are missing at the end. "
            "Copy or download it again."
        )


def _check_samples(path: Path, form: ChunkForm) -> None:
    """Walk the chunks to the samples: FFmpeg shortens their stated length to what is there."""
    length, position = path.stat().st_size, form.first
    head = form.name + form.size
    with path.open("rb") as handle:
        for _ in range(MOST_CHUNKS):
            if position > length:
                return
            handle.seek(position)
            name = handle.read(form.name)
            size = int.from_bytes(handle.read(form.size), form.order) - head * form.itself
            start = position + head
            if start > length or size < 0:
                return
            if name == form.data:
                break
            position = start + size + -(start + size) % form.even
        else:
            return
    missing = start + size - length
    if size < UNKNOWN_SIZE and missing > MISSING_SHARE * size:
        raise Truncated(
            f"{path} is cut off: {missing:,} of its {start + size:,} bytes are missing at the end. "
            "Copy or download it again. If no more of it is left: ffmpeg -i FILE rest.wav"
        )
