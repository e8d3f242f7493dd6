"""Versions of Rust, and what goes with them: https://doc.rust-lang.org/cargo/reference/rust-version.html."""

import re

RustVersion = tuple[int, ...]
_VERSION = re.compile(r"(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(?![\d.])")


def read_rust(text: str) -> RustVersion | None:
    """Return a version of Rust, of which the last numbers may be left out; None where it is none."""
    found = _VERSION.match(text)
    return tuple(int(one or 0) for one in found.groups()) if found is not None else None


def fits(needed: str, rust: RustVersion) -> bool:
    """Return whether what needs a version of Rust goes with one; what says nothing goes with all."""
    least = read_rust(needed)
    return least is None or (least[0] == rust[0] and least <= rust)
