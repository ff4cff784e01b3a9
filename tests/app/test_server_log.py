"""What stands in the server's log."""

import asyncio
import logging

import pytest

from instag.app.server_log import log_plainly


def test_texts_that_are_none_leave_a_line(caplog: pytest.LogCaptureFixture) -> None:
    log_plainly()
    log_plainly()
    log = logging.getLogger("uvicorn.error")

    def cancelled() -> None:
        raise asyncio.CancelledError

    for failing in (lambda: b"\xff".decode(), cancelled, lambda: 1 // 0):
        try:
            failing()
        except (UnicodeDecodeError, asyncio.CancelledError, ZeroDivisionError):
            log.exception("It failed.")
    assert [record.exc_info is None for record in caplog.records] == [True, True, False]
