"""Runs classic BPF as the kernel does, so that a filter can be tried with any call on any machine."""

import struct

_WORD = 0xFFFFFFFF


def run(program: bytes, data: bytes) -> int:
    """Return the verdict of a filter on a struct seccomp_data."""
    instructions = list(struct.iter_unpack("=HBBI", program))
    accumulator = place = 0
    while True:
        code, then, otherwise, value = instructions[place]
        place += 1
        match code:
            case 0x20:
                accumulator = struct.unpack_from("=I", data, value)[0]
            case 0x54:
                accumulator &= value
            case 0x06:
                return int(value)
            case 0x15:
                place += then if accumulator == value else otherwise
            case 0x35:
                place += then if accumulator >= value else otherwise
            case 0x45:
                place += then if accumulator & value else otherwise
            case _:
                raise AssertionError(f"instruction {code:#x}")


def call(audit: int, number: int, *arguments: int) -> bytes:
    """Return the struct seccomp_data of a call."""
    words = [argument & 0xFFFFFFFFFFFFFFFF for argument in (*arguments, 0, 0, 0, 0, 0, 0)[:6]]
    return struct.pack("=IIQ6Q", number, audit, 0, *words)
