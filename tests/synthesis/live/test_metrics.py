"""Metrics of a live session."""

from instag.synthesis.live.metrics import SessionMetrics, Spread


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_percentiles():
    assert Spread.of([]) == Spread(p50=0.0, p95=0.0, p99=0.0)
    assert Spread.of([each / 1000 for each in range(100)]) == Spread(p50=50.0, p95=95.0, p99=99.0)


def test_intervals_and_skew():
    clock = Clock()
    metrics = SessionMetrics(clock=clock)
    for number in range(10):
        clock.now = 0.04 * number
        metrics.sounded(number)
        clock.now += 0.01
        assert metrics.shown(number)
    assert metrics.intervals_ms.p50 == 40.0
    assert metrics.skews_ms.p95 == 10.0
    assert not metrics.shown(3)
    assert (metrics.frames, metrics.skipped) == (10, 1)


def test_memory_is_flat():
    metrics = SessionMetrics()
    for number in range(1_000):
        metrics.sounded(number)
    assert len(metrics._sounded) <= 50
