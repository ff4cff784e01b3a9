"""The server's log: what others send wrong, or still ask for when it ends, is no failure of the
server's, and needs no traceback."""

import asyncio
import logging

EXPECTED = (UnicodeDecodeError, asyncio.CancelledError)


def log_plainly() -> None:
    """Leave the tracebacks of texts that are none (no UTF-8), and of requests that the server's end
    cut off, out of Uvicorn's log."""
    logging.getLogger("uvicorn.error").addFilter(_without_trace)


def _without_trace(record: logging.LogRecord) -> bool:
    if record.exc_info and isinstance(record.exc_info[1], EXPECTED):
        record.exc_info = None
    return True
