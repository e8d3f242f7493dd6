from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version as NativeVersion

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.tests.test_version_tables import table
from outrider.operators.packages.versions.pypi import PypiScheme
from outrider.operators.packages.versions.tables import VersionTable

SCHEME = PypiScheme()
# Near what is right, so that the readers get far.
TEXTS = st.text() | st.text("01.*!+-_=<>~,; vabcdeoprst\u017f\u0663\u212a\x1c\u00a0\n")


def allowed(text: str, *versions: str) -> list[str]:
    versions_of = VersionTable(SCHEME, versions)
    return versions_of.named(versions_of.mask(text))


@given(TEXTS)
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (SCHEME.parse, SCHEME.range):
        with suppress(InvalidConfigError):
            read(text)


@pytest.mark.parametrize("text", ["{}", "1.{}", "{}!1", "1a{}", "1-{}", "1.post{}", "1.dev{}", "1+{}"])
def test_numbers_that_python_does_not_read_are_refused(text: str) -> None:
    version = text.format("9" * 5000)
    with pytest.raises(InvalidConfigError):
        SCHEME.parse(version)
    with pytest.raises(InvalidConfigError):
        SCHEME.range(f"=={version}")


def test_a_range_of_thousands_of_clauses_is_read() -> None:
    assert allowed(",".join(f"!=1.{minor}" for minor in range(500)), "1.499", "1.500") == ["1.500"]


def test_prereleases_are_what_the_native_tool_takes_for_them() -> None:
    versions = VersionTable(SCHEME, table("pypi")["order"])
    releases = [text for text in versions.versions if not NativeVersion(text).is_prerelease]
    assert versions.named(versions.releases) == releases


def test_spelling_is_compared_without_regard_to_case() -> None:
    assert allowed("===1.0RC1", "1.0rc1", "1.0Rc1", "1.0c1", "1.0.rc1", " 1.0rc1") == ["1.0Rc1", "1.0rc1"]
    assert allowed("===1.0rc1,===1.0RC1", "1.0rc1") == ["1.0rc1"]
    assert allowed("===1.0,===1.0.0", "1.0", "1.0.0") == []


@pytest.mark.parametrize("version", ["1.0.po\u017ft1", "1.\u0663", "1.0+\u212a"])
def test_letters_and_digits_of_other_scripts_are_none(version: str) -> None:
    for read, text in ((SCHEME.parse, version), (SCHEME.range, f"=={version}"), (SCHEME.range, f"~={version}")):
        with pytest.raises(InvalidConfigError):
            read(text)
