"""What is asked of npm packages, for which machines they are, and the order of their folders."""

import pytest

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.npm.order import collated
from outrider.operators.packages.npm.specs import Spec, read_argument, read_spec
from outrider.operators.packages.npm.targets import NpmTarget


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "a b",
        "./a",
        "a@git+ssh://h/x",
        "user/repo",
        "http://h/a.tgz",
        "a.tgz",
        "a@npm:b@npm:c",
        "_a",
        "a" * 300,
    ],
)
def test_what_is_no_package(text: str) -> None:
    with pytest.raises(InvalidConfigError, match=r"packages\[3\]"):
        read_argument(3, text)


def test_what_is_asked_of_packages() -> None:
    assert read_argument(0, "@s/a@^1 || 2") == ("@s/a", "^1 || 2")
    assert read_argument(0, "a") == ("a", "*")
    assert read_spec("a", "") == Spec("a", "*")
    assert read_spec("a", "npm:@s/b@~1") == Spec("@s/b", "~1")
    assert read_spec("a", "npm:b") == Spec("b", "*")
    assert read_spec("a", "file:../x").package == ""
    assert read_spec("a", "~1.2") == Spec("a", "~1.2")


def test_machines_as_npm_lists_them() -> None:
    target = NpmTarget("20.1.0", "")
    assert target.runs(">=18", ">=99")
    assert not target.runs("<18", "")
    assert not target.runs("no range", "")
    assert target.takes([target.os, "win32"], ["any"], [])
    assert not target.takes(["!linux", f"!{target.os}"], [], [])
    assert target.takes(["!plan9"], [], [target.libc])
    assert NpmTarget("", "").runs(">=999", "")


def test_the_order_of_folders() -> None:
    names = ["b", "A", "a-b", "a_b", "a.b", "@s/a", "a/b", "a1", "a", "ab", "~a"]
    assert sorted(names, key=collated) == ["@s/a", "~a", "a", "A", "a_b", "a-b", "a.b", "a/b", "a1", "ab", "b"]
