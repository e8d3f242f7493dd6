import struct

import pytest

from outrider.core.errors import InternalError
from outrider.runtime.sandbox.bpf import JEQ, JSET, And, Jump, Label, Line, Load, Return, assemble
from tests.runtime.sandbox.bpf_machine import run


def test_a_comparison_takes_both_ways() -> None:
    program = assemble([Load(0), Jump(JEQ, 7, "yes", "no"), Label("yes"), Return(1), Label("no"), Return(2)])
    assert [run(program, struct.pack("=I", word)) for word in (7, 8)] == [1, 2]


def test_an_empty_label_goes_on() -> None:
    program = assemble([Load(0), Jump(JSET, 4, "", "end"), Return(1), Label("end"), Return(2)])
    assert [run(program, struct.pack("=I", word)) for word in (6, 3)] == [1, 2]


def test_a_mask() -> None:
    program = assemble([Load(4), And(0xF), Jump(JEQ, 2, "", "end"), Return(1), Label("end"), Return(2)])
    assert [run(program, struct.pack("=II", 0, word)) for word in (0x80002, 3)] == [1, 2]


@pytest.mark.parametrize(
    "lines",
    [
        [Load(0), Jump(JEQ, 1, "absent"), Return(0)],
        [Label("behind"), Load(0), Jump(JEQ, 1, "behind"), Return(0)],
        [Jump(JEQ, 1, "far"), *[Load(0)] * 256, Label("far"), Return(0)],
    ],
    ids=["absent", "behind", "too far"],
)
def test_jumps_that_cannot_be_made(lines: list[Line]) -> None:
    with pytest.raises(InternalError, match="no jump from instruction"):
        assemble(lines)


def test_the_longest_jump() -> None:
    program = assemble([Jump(JEQ, 0, "far"), *[Load(0)] * 255, Label("far"), Return(5)])
    assert run(program, bytes(8)) == 5
