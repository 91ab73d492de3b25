"""Commands in turn, A B A B ..., and the best that each did."""

import dataclasses
import os
import shutil
import subprocess
import time


@dataclasses.dataclass
class Contender:
    """A command in one column of a row. `{fresh}` in it is a folder that is new each time."""

    column: str
    name: str
    command: list
    environment: dict = dataclasses.field(default_factory=dict)
    # On one processor only.
    pinned: bool = False
    # Once before it counts: what is measured is the second time, and `{fresh}` is the first one's folder.
    again: bool = False
    # Why it can't run, if so.
    fault: str = ""


@dataclasses.dataclass
class Found:
    # What the command printed as its last word, if it measures itself: work a second.
    rate: float = 0.0
    # Of the whole process.
    seconds: float = float("inf")
    # The largest single process of it.
    mebibytes: float = float("inf")
    fault: str = ""

    def better(self, other):
        best = Found(max(self.rate, other.rate), min(self.seconds, other.seconds), min(self.mebibytes, other.mebibytes))
        return dataclasses.replace(best, fault=self.fault or other.fault)


def in_turn(contenders, rounds, fresh):
    """The best of each by its column."""
    shutil.rmtree(fresh, ignore_errors=True)
    found = {one.column: Found(fault=one.fault) for one in contenders}
    for turn in range(-1, rounds):
        for one in contenders:
            if found[one.column].fault or (turn < 0 and not one.again):
                continue
            folder = fresh / (one.column if one.again else f"{one.column}{turn}")
            once = run(one, folder)
            if turn >= 0 or once.fault:
                found[one.column] = found[one.column].better(once)
    return found


def run(one, folder):
    folder.mkdir(parents=True, exist_ok=True)
    command = [str(word).replace("{fresh}", str(folder)) for word in one.command]
    with open(folder / "out.txt", "w+") as out:
        start = time.perf_counter()
        try:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, **one.environment},
                stdout=out,
                stderr=subprocess.STDOUT,
                preexec_fn=pin if one.pinned else None,
            )
        except OSError as error:
            return Found(fault=str(error))
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        said = out.read().split("\n")
    if process.returncode:
        return Found(fault=f"ended with {process.returncode}: {' '.join(said)[-300:]}")
    return Found(rate(said), seconds, usage.ru_maxrss / 1024)


def pin():
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def rate(said):
    try:
        return float(said[-2])
    except (IndexError, ValueError):
        return 0.0
