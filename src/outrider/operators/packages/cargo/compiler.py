"""The versions of Rust that resolver 3 chooses for: https://doc.rust-lang.org/cargo/reference/resolver.html#rust-version.

What a workspace does not say itself is that of the compiler: `resolve_with_registry` in src/cargo/ops/resolve.rs of Cargo 1.95.
"""

import re
from collections.abc import Sequence

from outrider.core.errors import DeadlineExceededError, DeniedError, NotFoundError
from outrider.operators.packages.cargo.details import CargoDetails
from outrider.operators.packages.cargo.rust import RustVersion, read_rust
from outrider.operators.packages.cargo.settings import CargoSettings
from outrider.operators.packages.resolving.questions import Question
from outrider.ports.process.command import run

_SECONDS = 20.0
_SAID = re.compile(rb"rustc (\S+)")
_KEPT_VARIABLES = ("PATH", "HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "CARGO_HOME")


async def rust_of(question: Question) -> Sequence[RustVersion] | None:
    """Return the versions of Rust that what is chosen should go with; none where that does not count, None where it cannot be told.

    Raises:
        InvalidConfigError: A setting cannot be used.
    """
    details, said = CargoDetails.of(question), CargoSettings(question.environment, question.folder).incompatible_rust()
    if not details.local or not (said == "fallback" if said else details.heeds_rust):
        return ()
    found = [one for text in details.rust if (one := read_rust(text)) is not None]
    if not found and (compiler := await _compiler(question)) is not None:
        found = [compiler]
    return found or None


async def _compiler(question: Question) -> RustVersion | None:
    program = question.environment.get("RUSTC") or "rustc"
    kept = {one: question.environment[one] for one in _KEPT_VARIABLES if question.environment.get(one)}
    try:
        ended = await run([program, "--version"], timeout=_SECONDS, env=kept, cwd=question.folder)
    except (NotFoundError, DeniedError, DeadlineExceededError):
        return None
    said = _SAID.search(ended.stdout)
    return read_rust(said[1].decode("ascii", "replace")) if said is not None else None
