import threading
import time

import pytest

from instag.runtime.parallel import in_order


def test_results_keep_the_order_of_the_items() -> None:
    assert list(
        in_order(lambda item: (time.sleep(0.001 * (item % 3)), item)[1], range(20))
    ) == list(range(20))


def test_few_items_are_under_way_at_once() -> None:
    taken = 0

    def items():
        nonlocal taken
        for item in range(50):
            taken += 1
            yield item

    for given, _ in enumerate(in_order(lambda item: item, items(), threads=2), start=1):
        assert taken - given <= 4


def test_an_error_in_the_work_is_raised_and_threads_end() -> None:
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError):
        list(in_order(lambda item: 1 // item, [1, 0, 1]))
    assert threading.active_count() == before
