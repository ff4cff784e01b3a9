"""Parallel work on a stream of items, results in order, in constant memory for any length.

OpenCV, onnxruntime and numba release the interpreter's lock, so that threads are enough.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

THREADS = 2
"""A laptop's cores that a stage may use."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    work: Callable[[Item], Result], items: Iterable[Item], threads: int = THREADS
) -> Iterator[Result]:
    """Yield `work(item)` for each item, in order; at most 2 x `threads` items are under way or
    waiting to be taken.

    An exception in `work` or in `items` is raised here; what was under way is finished first.
    """
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
