"""An upload: the bytes of a request, written to a temporary file as they come."""

import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import Request

from instag.app.sound_bytes import named
from instag.errors import BadArgument
from instag.runtime.files import TEMPORARY
from instag.runtime.write_errors import explain_refusal

MIB = 2**20
MOST_BYTES = {
    "/audio": 64 * MIB,
    "/learn": 2048 * MIB,
    "/verify": 2048 * MIB,
    "/speak": 256 * MIB,
    "/library": 1024 * MIB,
    "/piece": 16 * MIB,
    "/checks": 2 * MIB,
}
"""Of the body that a route takes, by the end of its path (see Security)."""
ENDING = re.compile(r"\.[a-z0-9]{1,5}")


def ending_of(name: str) -> str:
    """The ending of a file's name, where it is an ordinary one; nothing else of a name that
    somebody sends becomes part of a path."""
    ending = Path(name).suffix.lower()
    return ending if ENDING.fullmatch(ending) else ""


@asynccontextmanager
async def received(request: Request, folder: Path, ending: str = "") -> AsyncIterator[Path]:
    """The body of a request as a file in `folder`, which is removed after the block unless the
    block moved it. Raises BadArgument where the body is empty, DiskFull, NotWritable."""
    with explain_refusal(folder):
        handle, name = tempfile.mkstemp(prefix=TEMPORARY, suffix=ending, dir=folder)
    path, size = Path(name), 0
    try:
        with open(handle, "wb") as file, explain_refusal(path):  # noqa: PTH123 - a handle
            async for piece in request.stream():
                size += len(piece)
                file.write(piece)
        if not size:
            raise BadArgument("Nothing was sent: the file is empty. Choose another one.")
        with named(path, "This file"):
            yield path
    finally:
        path.unlink(missing_ok=True)
