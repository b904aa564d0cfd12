"""All that reads bytes of strangers, with a few hundred changed inputs each; `benchmarks/fuzzing.py` tries millions."""

import logging
import sys
import zlib
from collections.abc import Iterator
from mmap import PAGESIZE, mmap
from random import Random

import pytest

pytest.importorskip("resource")

from fuzz import TARGETS
from fuzz.mutate import mutate
from fuzz.target import CORPUS, load_target, seeds_of, try_input

SLOW = ("torchscript", "pt2", "command-line")
"""Those whose seeds, or whose inputs, take long."""


@pytest.fixture(autouse=True)
def logged() -> Iterator[None]:
    """Targets log nothing; the tests after them do."""
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.filterwarnings("ignore")  # Pillow's and libtiff's, of damaged pictures
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in TARGETS]
)
def test_nothing_but_an_error_of_mnistx_comes_out(name: str) -> None:
    target, seeds, random = load_target(name), seeds_of(name), Random(zlib.crc32(name.encode()))
    assert seeds
    faults = {}
    for data in [*seeds, *(mutate(random.choice(seeds), seeds, random) for _ in range(150))]:
        fault = try_input(target, data)
        if fault is not None:
            faults[fault.what] = (data[:200], fault.details)
    assert not faults


def test_every_input_that_showed_a_fault_belongs_to_a_target_and_is_small() -> None:
    found = [path for path in CORPUS.rglob("*") if path.is_file()]
    assert found and {path.parent.name for path in found} <= TARGETS.keys()
    assert sum(path.stat().st_size for path in found) < 64_000


def test_a_fault_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    from fuzz.target import Target
    from mnistx_runtime.errors import BadInput

    def read(data: bytes) -> None:
        if data == b"2":
            raise BadInput("two\nlines")
        if data == b"3":
            raise BadInput("one line")
        if data == b"4":
            with mmap(-1, 1 << 28) as fresh:  # where freed memory is kept, what Python asks for may be there already
                for at in range(0, len(fresh), PAGESIZE):
                    fresh[at] = 1
        if data == b"1":
            raise KeyError

    monkeypatch.setattr("fuzz.target.MEMORY", 1 << 27)
    target = Target(list, read)
    whats = [fault and fault.what for fault in (try_input(target, b"%d" % at) for at in range(5))]
    assert whats == [None, "KeyError in test_fuzzing.py read", "BadInput: 'two\\nlines'", None, "more than 128 MiB"]


def test_a_hang_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    from fuzz.target import Target

    def read(data: bytes) -> None:
        while True:
            pass

    monkeypatch.setattr("fuzz.target.CPU_SECONDS", 0.2)
    fault = try_input(Target(list, read), b"")
    assert fault is not None and fault.what.startswith("TooSlow")


def test_an_input_is_changed_as_the_seed_says() -> None:
    seeds = [b"one two three", b"1,2,3\n4,5,6"]
    first, again, other = ([mutate(seeds[0], seeds, Random(n)) for _ in range(20)] for n in (0, 0, 1))
    assert first == again != other and len(set(first)) == 1 and sys.version_info >= (3, 11)
