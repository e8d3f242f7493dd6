"""What releases of Python projects say of themselves, right or not."""

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from outrider.core.errors import ExecutionFailedError
from outrider.operators.packages.pypi.core_metadata import read_metadata, read_need
from outrider.operators.packages.pypi.targets import PypiTarget

METADATA = """\
Metadata-Version: 2.4
Name: web
Version: 1.0
Summary: one\u2028\u2028line\x0c\x0cof\x85\x85text\x1c\x1c
License: MIT
License-Expression: Apache-2.0
License: BSD
Requires-Python: >=3.8
Provides-Extra: Fast_Mode
requires-dist: core (>=1,<2)
Requires-Dist: one; extra == 'fast_mode'
Requires-Dist: two[B_x,a]>=2; extra == "fast-mode" and python_version < '3'
Requires-Dist: three; 'Fast.Mode' == extra
Requires-Dist: four @ https://host/four.whl
Requires-Dist: ((((
Requires-Dist:
  Requires-Dist: folded

Requires-Dist: body
"""


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_metadata(end: str) -> None:
    found = read_metadata(METADATA.replace("\n", end))
    assert [(need.name, need.extras, need.range, need.marker, need.only) for need in found.needs] == [
        ("core", (), "<2,>=1", "", ""),
        ("one", (), "", 'extra == "fast-mode"', "fast-mode"),
        ("two", ("a", "b-x"), ">=2", 'extra == "fast-mode" and python_version < "3"', ""),
        ("three", (), "", '"fast-mode" == extra', ""),
        ("four", (), " @ https://host/four.whl", "", ""),
    ]
    assert (found.extras, found.python, found.licence) == (["fast-mode"], ">=3.8", "Apache-2.0")


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        (["License: MIT", "Classifier: License :: OSI Approved :: BSD License"], "MIT"),
        (["License: UNKNOWN", "Classifier: License :: OSI Approved :: MIT License"], "License :: OSI Approved :: MIT License"),
        (["License: " + "x" * 201, "License: MIT"], "MIT"),
        (["Classifier: License :: OSI Approved", "Classifier: Topic :: Internet"], ""),
        (["Classifier: License :: A", "Classifier: License :: B"], '["License :: A","License :: B"]'),
        (["License-Expression: MIT", "License-Expression: Zlib", "License: BSD"], "MIT"),
    ],
)  # fmt: skip
def test_the_licence_is_the_expression_or_the_field_or_what_classifiers_name(fields: list[str], licence: str) -> None:
    assert read_metadata("\n".join(["Metadata-Version: 2.4", *fields])).licence == licence


def test_of_many_classifiers_few_are_kept() -> None:
    fields = "".join(f"Classifier: License :: {number} {'x' * 999}\n" for number in range(999))
    assert len(read_metadata(f"Metadata-Version: 2.4\n{fields}").licence) < 12_000


@pytest.mark.parametrize("text", ["", "\n", "<html>Log in</html>", "Name: web\n\nMetadata-Version: 2.1"])
def test_what_is_no_metadata_is_refused(text: str) -> None:
    with pytest.raises(ExecutionFailedError) as caught:
        read_metadata(text)
    assert caught.value.suggestions


@given(st.text() | st.text("ab[],;()<>=!~'\" @:/.\\1*"))
@example("a; " + "(" * 4000 + "os_name == 'x'" + ")" * 4000)
@example("a" + "(" * 8000)
@example("a[" + "b," * 4000 + "]")
@example("a" + ",>1" * 2700)
@example("a; os_name" + " == 'x' or os_name" * 500)
def test_any_requirement_is_read_or_left_out(text: str) -> None:
    target = PypiTarget.of("3.12")
    for need in read_need(text):
        assert need.name
        target.holds(need.marker or "os_name == ''", "x")


@given(st.text())
def test_any_metadata_is_read_or_refused(text: str) -> None:
    with suppress(ExecutionFailedError):
        read_metadata(text)
    read_metadata(f"Metadata-Version: 2.1\n{text}")
