"""How often work is done in a second: the twin of `rate.rs`."""

import time

WARM_UP = 3


def rate(count, seconds, work, done=lambda: None):
    """How many of what each call of `work` does `count` are done in a second, measured for `seconds`; `done` waits for a
    device that works on by itself."""
    for _ in range(WARM_UP):
        work()
    done()
    start, calls = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        work()
        calls += 1
    done()
    return calls * count / (time.perf_counter() - start)
