"""Error answers: an error of instag's over HTTP, as its sentence."""

import logging

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response

from instag.errors import (
    ArtefactError,
    BadArgument,
    DiskFull,
    FileMissing,
    InstagError,
    MediaError,
    NotWritable,
    StudioFull,
    VoiceFailed,
)

log = logging.getLogger(__name__)
RETRY_S = 30
NO_SPACE = "The disk of the server is full. Free some space there, then try again."
LEFT = 499
"""The usual status of a request whose sender left; nobody gets it."""
STATUS: dict[type[InstagError], int] = {
    StudioFull: 503,
    VoiceFailed: 502,
    FileMissing: 404,
    MediaError: 400,
    BadArgument: 400,
    ArtefactError: 400,
    DiskFull: 507,
    NotWritable: 507,
}
"""What an error is over HTTP; 500 for others."""


async def answer_error(_: Request, error: Exception) -> JSONResponse:
    """An error of instag's as its sentence."""
    kinds = (kind for kind in STATUS if isinstance(error, kind))
    status = STATUS.get(next(kinds, InstagError), 500)
    headers = {"Retry-After": str(RETRY_S)} if status == 503 else None
    if isinstance(error, DiskFull):
        log.error("%s", error)
        return JSONResponse({"detail": NO_SPACE}, status)
    return JSONResponse({"detail": printable(str(error))}, status, headers)


async def answer_system(_: Request, error: Exception) -> JSONResponse:
    """What the system refused, such as a folder that somebody took away."""
    assert isinstance(error, OSError)
    log.error("A request failed: %s", error)
    reason = error.strerror or type(error).__name__
    sentence = f"The server cannot read or write its files ({reason}). Look at its folder."
    return JSONResponse({"detail": printable(sentence)}, 507)


async def answer_misfit(_: Request, error: Exception) -> JSONResponse:
    """What a request has wrong or lacks, as a sentence. What was sent is not sent back: it may be
    no text, or no number that JSON has."""
    assert isinstance(error, RequestValidationError)
    wrong = (
        f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors()
    )
    sentence = f"This request is not understood ({'; '.join(wrong)})."
    return JSONResponse({"detail": printable(sentence)}, 422)


async def answer_nobody(_: Request, error: Exception) -> Response:
    """A page was closed while it sent something."""
    return Response(status_code=LEFT)


def printable(text: str) -> str:
    """The text without half letters, which UTF-8 cannot write."""
    return text.encode("utf-8", "backslashreplace").decode()
