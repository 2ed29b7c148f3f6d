"""
Writers that run in processes of their own: what is lost and what is doubled is counted by value.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from autonomous_dev.recording._journal_reader import JournalReader

_SETUP = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
import os, threading, time
from pathlib import Path
from journal_files import put, recorder
writer = recorder(Path(sys.argv[1]))
first, threads, samples, ahead = map(int, sys.argv[2:6])
looks = sys.argv[1] + ".looks"
"""

_MANY = """
sys.stdout.write("ready\\n"); sys.stdout.flush(); sys.stdin.readline()
def wait_for_a_look():
    before = os.path.getsize(looks)
    while os.path.getsize(looks) == before:
        time.sleep(0)
def write(start):
    for i in range(start, start + samples):
        if ahead and (i - start) % ahead == ahead - 1:
            wait_for_a_look()
        put(writer, "m", i, {"suite": "unit", "commit": "9f2c1ab"})
running = [threading.Thread(target=write, args=(first + n * samples,)) for n in range(threads)]
for thread in running: thread.start()
for thread in running: thread.join()
"""

_ACKNOWLEDGING = """
i = first
while True:
    put(writer, "m", i, {"suite": "unit", "commit": f"c{i % 100}"})
    os.write(1, b"%d\\n" % i)
    i += 1
"""


def _start(code: str, path: Path, *numbers: int) -> subprocess.Popen[bytes]:
    arguments = [sys.executable, "-W", "error", "-c", _SETUP + code, str(path), *map(str, numbers)]
    return subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


@dataclass(frozen=True)
class Written:
    """
    What many writers left, and what a reader saw meanwhile.

    Attributes:
        lost: Samples that are not in the journal.

        doubled: Samples that are there more than once.

        sizes: Counts of samples that the reader saw, in order, each once.

        seconds: How long the writers took.

        damaged: Lines that could not be read.
    """

    lost: int
    doubled: int
    sizes: tuple[int, ...]
    seconds: float
    damaged: int


def write_from_many(path: Path, *, processes: int, threads: int, samples: int, ahead: int = 0) -> Written:
    """
    Let *processes* with *threads* each record *samples* while a reader reads on.

    Args:
        path: The journal.

        processes: Writing at once.

        threads: Of each process.

        samples: Of each thread.

        ahead: Samples that a thread may record in one look of the reader; 0 lets it run.
    """
    per_process = threads * samples
    looks = Path(f"{path}.looks")
    looks.touch()
    writers = [_start(_MANY, path, n * per_process, threads, samples, ahead) for n in range(processes)]
    for writer in writers:
        writer.stdout.readline()
    reader, sizes = JournalReader(path), [0]
    began = time.perf_counter()
    for writer in writers:
        writer.stdin.write(b"go\n")
        writer.stdin.flush()
    while any(writer.poll() is None for writer in writers):
        with looks.open("a") as file:
            file.write(".")
        reader.refresh()
        if reader.store.appended != sizes[-1]:
            sizes.append(reader.store.appended)
    seconds = time.perf_counter() - began
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    fresh = JournalReader(path)
    for each in (reader, fresh):
        each.refresh()
    counts = Counter(fresh.store.series()[0].values.tolist())
    assert counts == Counter(reader.store.series()[0].values.tolist())
    expected = range(processes * per_process)
    return Written(
        lost=sum(value not in counts for value in expected),
        doubled=sum(count - 1 for count in counts.values()),
        sizes=tuple(sizes[1:]),
        seconds=seconds,
        damaged=fresh.damaged_lines,
    )


def kill_writers(path: Path, *, kills: int, seed: int) -> tuple[int, int, int]:
    """
    Kill a writer *kills* times at a random moment, another one writing on the same file.

    Returns:
        How many samples were acknowledged, how many of them are not in the journal, and how many are there twice.
    """
    rng = random.Random(seed)
    acknowledged: list[float] = []
    for kill in range(kills):
        first = kill * 10**6
        victim, bystander = (
            _start(_ACKNOWLEDGING, path, first, 0, 0, 0),
            _start(_ACKNOWLEDGING, path, first + 500_000, 0, 0, 0),
        )
        # Both are in the middle of writing; then some more acknowledgements, a random number of them.
        for writer in (victim, bystander):
            acknowledged += [float(writer.stdout.readline()) for _ in range(20)]
        acknowledged += [float(victim.stdout.readline()) for _ in range(rng.randrange(2000))]
        victim.kill()
        bystander.stdout.readline()
        bystander.kill()
        for writer in (victim, bystander):
            # What was in the pipe was acknowledged too; a last line may be cut.
            rest = writer.stdout.read().split(b"\n")[:-1]
            acknowledged += [float(line) for line in rest]
            writer.wait()
            writer.stdin.close()
            writer.stdout.close()
    reader = JournalReader(path)
    reader.refresh()
    counts = Counter(value for series in reader.store.series() for value in series.values.tolist())
    lost = sum(value not in counts for value in acknowledged)
    return len(acknowledged), lost, sum(count - 1 for count in counts.values())
