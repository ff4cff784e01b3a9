"""The server's log: what others send wrong is no failure of the server's, and needs no
traceback."""

import logging


def log_plainly() -> None:
    """Leave the tracebacks of texts that are none (no UTF-8) out of Uvicorn's log."""
    logging.getLogger("uvicorn.error").addFilter(_without_trace)


def _without_trace(record: logging.LogRecord) -> bool:
    if record.exc_info and isinstance(record.exc_info[1], UnicodeDecodeError):
        record.exc_info = None
    return True
