"""A named pipe in place of a file is refused at once, where nobody would ever write into it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import InvalidConfigError, OutriderError
from outrider.operators.packages.advisories.sources import read_source
from outrider.operators.packages.locks.writing.files import read_text
from outrider.operators.packages.policies.opening import read_policies
from outrider.operators.packages.serving.bundles import read_list


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    ("read", "name"),
    [
        (read_text, "uv.lock"), (read_policies, "policy.yaml"), (read_list, "bundle.tar"), (lambda path: list(read_source(path)), "all.zip"),
        (lambda path: list(read_source(path)), "epss_scores-current.csv.gz"),
    ],
)  # fmt: skip
def test_a_named_pipe_is_refused(tmp_path: Path, read: Callable[[Path], Any], name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(InvalidConfigError, match="it is a named pipe") as caught:
        read(tmp_path / name)
    assert caught.value.suggestions


@pytest.mark.timeout(10)
def test_what_never_ends_is_too_large() -> None:
    for read in (read_text, read_policies):
        with pytest.raises(OutriderError):
            read(Path("/dev/zero"))


def test_a_pipe_of_a_shell_is_read() -> None:
    out, into = os.pipe()
    os.write(into, b"text")
    os.close(into)
    assert read_text(Path(f"/dev/fd/{out}")) == "text"
    os.close(out)
