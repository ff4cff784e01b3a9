"""What stands in the server's log."""

import logging

import pytest

from instag.app.server_log import log_plainly


def test_texts_that_are_none_leave_a_line(caplog: pytest.LogCaptureFixture) -> None:
    log_plainly()
    log_plainly()
    log = logging.getLogger("uvicorn.error")
    for failing in (lambda: b"\xff".decode(), lambda: 1 // 0):
        try:
            failing()
        except (UnicodeDecodeError, ZeroDivisionError):
            log.exception("It failed.")
    assert [record.exc_info is None for record in caplog.records] == [True, False]
