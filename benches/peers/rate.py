"""How often work is done in a second: the twin of `rate.rs`."""

import time

WARM_UP = 3


def rate(count, seconds, work):
    """How many of what each call of `work` does `count` are done in a second, measured for `seconds`."""
    for _ in range(WARM_UP):
        work()
    start, calls = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        work()
        calls += 1
    return calls * count / (time.perf_counter() - start)
