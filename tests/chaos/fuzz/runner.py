"""Gives each parser so many spoiled inputs and counts what came of it, with the memory and the slowest input."""

import hashlib
import multiprocessing
import resource
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.chaos.fuzz.mutate import Mutator
from tests.chaos.fuzz.parsers import PARSERS, Parser

#: what a parser's process may take beyond what it starts with; more is a MemoryError, which nobody allows
MORE_MEMORY = 256 * 2**20
#: inputs that are drawn from one seed, so that one that fails is found again quickly
BLOCK = 500
EXAMPLES = 3


@dataclass
class Row:
    """What came of one parser's inputs. Memory in KiB beyond the start, times in seconds and milliseconds."""

    parser: str
    inputs: int = 0
    read: int = 0
    refused: int = 0
    unhandled: int = 0
    seconds: float = 0.0
    slowest_ms: float = 0.0
    memory_kib: int = 0
    examples: list[str] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "examples"}


def fuzz(parser: Parser, inputs: int, seed: int) -> Row:
    """So many inputs in this process."""
    row = Row(parser.name)
    begun, before = time.perf_counter(), _peak_kib()
    while row.inputs < inputs:
        mutator = Mutator(f"{seed}:{parser.name}:{row.inputs // BLOCK}")
        for _ in range(min(BLOCK, inputs - row.inputs)):
            _one(parser, mutator, row, seed)
    row.seconds = round(time.perf_counter() - begun, 2)
    row.memory_kib = _peak_kib() - before
    return row


def _one(parser: Parser, mutator: Mutator, row: Row, seed: int) -> None:
    given = parser.draw(mutator)
    begun = time.perf_counter()
    try:
        parser.read(given)
        row.read += 1
    except parser.allowed:
        row.refused += 1
    except Exception as error:  # noqa: BLE001 - that nothing else comes is what is asked
        row.unhandled += 1
        if len(row.examples) < EXAMPLES:
            where = f"seed {seed}, input {row.inputs}"
            row.examples.append(f"{where}: {type(error).__name__}: {error}: {given!r}"[:2_000])
    row.slowest_ms = max(row.slowest_ms, round((time.perf_counter() - begun) * 1000, 2))
    row.inputs += 1


def _peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _confined(work: tuple[str, int, int]) -> Row:
    """In a process of its own, which gets no more memory than it may take."""
    name, inputs, seed = work
    parser = next(one for one in PARSERS if one.name == name)
    with open("/proc/self/statm") as sizes:
        now = int(sizes.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + MORE_MEMORY, now + MORE_MEMORY))
    return fuzz(parser, inputs, seed)


def fuzz_all(total: int, seed: int, *, processes: int) -> list[Row]:
    """All parsers, each an equal share and in a process of its own, several processes at once."""
    share = -(-total // len(PARSERS))
    context = multiprocessing.get_context("fork")
    with context.Pool(processes, maxtasksperchild=1) as pool:
        return pool.map(_confined, [(parser.name, share, seed) for parser in PARSERS], chunksize=1)


def fingerprint(rows: Sequence[Row]) -> str:
    """The same for the same seed and the same code."""
    counted = [(row.parser, row.inputs, row.read, row.refused, row.unhandled) for row in rows]
    return hashlib.sha256(repr(counted).encode()).hexdigest()[:16]
