"""An assembler for classic BPF, as seccomp takes it: struct sock_filter, 8 bytes each (linux/filter.h)."""

import struct
from collections.abc import Sequence
from typing import NamedTuple

from outrider.core.errors import InternalError

_LD_W_ABS, _ALU_AND_K, _RET_K = 0x20, 0x54, 0x06
JEQ, JGE, JSET = 0x15, 0x35, 0x45
MAX_JUMP = 255


class Label(NamedTuple):
    """A place to jump to."""

    name: str


class Load(NamedTuple):
    """Load the 32-bit word at this offset of struct seccomp_data."""

    offset: int


class And(NamedTuple):
    """Keep these bits of the loaded word."""

    mask: int


class Jump(NamedTuple):
    """Compare the loaded word; an empty label goes on with the next instruction. BPF jumps forward only."""

    test: int
    value: int
    then: str = ""
    otherwise: str = ""


class Return(NamedTuple):
    """End with this verdict."""

    verdict: int


Line = Label | Load | And | Jump | Return


def assemble(lines: Sequence[Line]) -> bytes:
    """Return the program.

    Raises:
        InternalError: A label is missing, lies behind, or is too far away for a jump.
    """
    places: dict[str, int] = {}
    instructions: list[Load | And | Jump | Return] = []
    for line in lines:
        if isinstance(line, Label):
            places[line.name] = len(instructions)
        else:
            instructions.append(line)
    return b"".join(_encode(place, line, places) for place, line in enumerate(instructions))


def _encode(place: int, line: Load | And | Jump | Return, places: dict[str, int]) -> bytes:
    then = otherwise = 0
    match line:
        case Load(offset):
            code, value = _LD_W_ABS, offset
        case And(mask):
            code, value = _ALU_AND_K, mask
        case Return(verdict):
            code, value = _RET_K, verdict
        case Jump(test, value, to_then, to_otherwise):
            code = test
            then, otherwise = _distance(place, to_then, places), _distance(place, to_otherwise, places)
    return struct.pack("=HBBI", code, then, otherwise, value)


def _distance(place: int, label: str, places: dict[str, int]) -> int:
    if not label:
        return 0
    distance = places.get(label, -1) - place - 1
    if not 0 <= distance <= MAX_JUMP:
        raise InternalError(
            f"filter program: no jump from instruction {place} to '{label}'",
            found=f"distance {distance}",
            expected=f"0 to {MAX_JUMP}",
        )
    return distance
