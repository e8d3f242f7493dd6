import string
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.licenses import canonicalize_license_expression

from outrider.core.errors import InvalidConfigError
from outrider.operators.packages.licences.expressions import (
    Expression,
    Joined,
    Named,
    joined,
    licences_in,
    read_expression,
    try_expression,
)
from outrider.operators.packages.licences.identifiers import families, identifiers, versions_from
from tests.peers.licence_oracles import takes

NAMES = (
    "MIT", "Apache-2.0", "Apache-1.1", "BSD-3-Clause", "GPL-2.0-only", "GPL-2.0-or-later", "GPL-2.0", "GPL-3.0+", "LGPL-2.1", "MPL-2.0",
    "Zlib", "AGPL-3.0-only", "GPL-2.0-with-classpath-exception", "LicenseRef-Acme", "LicenseRef-a.b-1", "DocumentRef-x:LicenseRef-y",
    "Nonsense-1.0", "mit", "Classpath-exception-2.0",
)  # fmt: skip
EXCEPTIONS = ("Classpath-exception-2.0", "LLVM-exception", "GCC-exception-3.1", "MIT", "Nothing-exception")
# What a tool has otherwise than SPDX, or than its other tools.
OTHERWISE: dict[str, Callable[[str], bool]] = {
    # There are no references to other documents in the metadata of Python.
    "packaging": lambda text: "DocumentRef" in text,
    # Identifiers and operators count only as they are listed, and an exception not behind a reference.
    "npm": lambda text: "mit" in text or " and" in text or " or" in text or "++" in text or "Ref-" in text,
    "composer": lambda text: False,
    # It reads no expressions but single licences, and takes whatever begins like a reference.
    "gem": lambda text: any(part in text for part in ("(", "Ref-", "mit", " AND", " OR", " and", " or", "++", "  ")),
}


def generated(count: int) -> list[str]:
    random = Random(7)

    def licence() -> str:
        plus = "+" if random.random() < 0.15 else ""
        return f"{random.choice(NAMES)}{plus}" + (f" WITH {random.choice(EXCEPTIONS)}" if random.random() < 0.2 else "")

    def expression(depth: int) -> str:
        kind = random.random()
        if depth > 3 or kind < 0.45:
            return licence()
        if kind < 0.6:
            return f"({expression(depth + 1)})"
        operator = random.choice((" AND ", " OR ", " and ", "  OR  ", " "))
        return f"{expression(depth + 1)}{operator}{expression(depth + 1)}"

    return sorted({expression(0) for _ in range(count)})


def has_two_exceptions(text: str) -> bool:
    """Only we refuse a second exception behind an old identifier that has one already."""
    return any(f"-exception{plus} WITH" in text for plus in ("", "+", "++"))


@pytest.mark.parametrize(
    "tool",
    ["packaging", *(pytest.param(tool, marks=pytest.mark.real) for tool in ("composer", "gem", "npm"))],
)
def test_the_native_tools_take_the_same_expressions(tool: str) -> None:
    texts = [text for text in generated(6000) if not OTHERWISE[tool](text) and not has_two_exceptions(text)]
    ours = [try_expression(text) is not None for text in texts]
    theirs = takes(tool, texts)
    assert [text for text, one, two in zip(texts, ours, theirs, strict=True) if one != two] == []
    assert len(texts) > (100 if tool == "gem" else 500)
    assert min(ours.count(True), ours.count(False)) > len(texts) / 20


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("MIT", "MIT"),
        ("mit or APACHE-2.0", "MIT OR Apache-2.0"),
        ("(MIT)", "MIT"),
        ("MIT OR Apache-2.0 AND BSD-3-Clause", "MIT OR (Apache-2.0 AND BSD-3-Clause)"),
        ("(MIT OR Apache-2.0) AND BSD-3-Clause", "(MIT OR Apache-2.0) AND BSD-3-Clause"),
        ("MIT AND (MIT AND (Zlib AND MIT))", "MIT AND Zlib"),
        ("MIT OR MIT", "MIT"),
        ("GPL-2.0", "GPL-2.0-only"),
        ("GPL-2.0+", "GPL-2.0-or-later"),
        ("gpl-3.0-or-later", "GPL-3.0-or-later"),
        ("GPL-2.0-only+", "GPL-2.0-or-later"),
        ("Apache-1.1+", "Apache-1.1+"),
        ("Apache-2.0+ WITH llvm-exception", "Apache-2.0+ WITH LLVM-exception"),
        ("GPL-2.0-with-classpath-exception", "GPL-2.0-only WITH Classpath-exception-2.0"),
        ("GPL-2.0-with-bison-exception+", "GPL-2.0-or-later WITH Bison-exception-2.2"),
        ("eCos-2.0", "GPL-2.0-or-later WITH eCos-exception-2.0"),
        ("Nunit", "zlib-acknowledgement"),
        ("MPL-2.0-no-copyleft-exception", "MPL-2.0-no-copyleft-exception"),
        ("LicenseRef-Acme", "LicenseRef-Acme"),
        ("LicenseRef-MIT-Bootstrap", "LicenseRef-MIT-Bootstrap"),
        ("DocumentRef-spdx-tool-1.2:LicenseRef-MIT-Style-2", "DocumentRef-spdx-tool-1.2:LicenseRef-MIT-Style-2"),
        ("LicenseRef-Acme WITH Classpath-exception-2.0", "LicenseRef-Acme WITH Classpath-exception-2.0"),
    ],
)
def test_expressions_are_read(text: str, expression: str) -> None:
    assert str(read_expression(text)) == expression
    assert str(read_expression(expression)) == expression


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "(", ")", "()", "MIT OR", "OR MIT", "MIT AND AND Zlib", "MIT Zlib", "MIT (Zlib)", "(MIT) (Zlib)", "MIT OR (GPL-3.0+) Zlib",
        "MIT WITH Apache-2.0", "MIT WITH", "WITH LLVM-exception", "Classpath-exception-2.0", "(MIT) WITH LLVM-exception",
        "MIT WITH (LLVM-exception)", "MIT WITH Nothing-exception", "GPL-2.0-with-classpath-exception WITH LLVM-exception", "MIT/Apache-2.0",
        "Apache 2.0", "LicenseRef-", "LicenseRef-a+", "LicenseRef-a_b", "licenseref-a", "DocumentRef-x", "DocumentRef-x:MIT", "NONE",
        "NOASSERTION", "bsd-2", "gpl", "MIT\x00", "\uff2d\uff29\uff34", "NOT MIT", "TRUE", "MIT OR 1", "(" * 41 + "MIT" + ")" * 41, "MIT OR " * 600 + "MIT",
    ],
)  # fmt: skip
def test_what_is_no_expression_is_refused(text: str) -> None:
    assert try_expression(text) is None
    with pytest.raises(InvalidConfigError, match="is no licence expression"):
        read_expression(text)


def test_errors_tell_what_was_meant() -> None:
    with pytest.raises(InvalidConfigError, match=r"Apach-2\.0 is in no list of SPDX") as caught:
        read_expression("MIT OR Apach-2.0")
    assert caught.value.suggestions[0] == "did you mean Apache-2.0?"
    with pytest.raises(InvalidConfigError, match=r"GPL-9 is in no list of SPDX") as caught:
        read_expression("GPL-9")
    assert all(one.startswith("did you mean GPL-") for one in caught.value.suggestions)
    with pytest.raises(InvalidConfigError, match=r"Apache-2\.0 is no exception to a licence"):
        read_expression("MIT WITH Apache-2.0")
    with pytest.raises(InvalidConfigError, match=r"something is missing before \("):
        read_expression("MIT (Zlib)")


def test_the_list_is_that_of_spdx() -> None:
    """The list of packaging is made from SPDX itself."""
    known = identifiers()
    for name in sorted(set(known.licences.values())):
        assert canonicalize_license_expression(name) == name
    for name in sorted(set(known.exceptions.values())):
        assert canonicalize_license_expression(f"MIT WITH {name}") == f"MIT WITH {name}"
    assert (len(set(known.licences.values())) > 600, len(set(known.exceptions.values())) > 70) == (True, True)
    for expression in known.composed.values():
        assert str(read_expression(expression)) == expression


def test_a_later_version_may_be_taken() -> None:
    assert versions_from("GPL-2.0-only") == ("GPL-2.0-only", "GPL-3.0-only")
    assert versions_from("Apache-1.1") == ("Apache-1.1", "Apache-2.0")
    assert versions_from("LicenseRef-Acme-1.0") == ("LicenseRef-Acme-1.0",)
    assert families()["LGPL-2.1-only"] == ("LGPL-2.0-only", "LGPL-2.1-only", "LGPL-3.0-only")
    assert Named("MIT", later=True).versions() == ("MIT",)
    assert Named("GPL-3.0-only").versions() == ("GPL-3.0-only",)


def expressions() -> st.SearchStrategy[Expression]:
    names = st.sampled_from(["MIT", "Apache-2.0", "GPL-2.0-only", "LicenseRef-Acme", "BSD-3-Clause"])
    exceptions = st.sampled_from(["", "", "Classpath-exception-2.0"])
    single = st.builds(
        lambda name, later, what: Named(name, later and "Ref" not in name, what), names, st.booleans(), exceptions
    )
    return st.recursive(
        single, lambda inner: st.builds(joined, st.sampled_from(["AND", "OR"]), st.lists(inner, min_size=1, max_size=3)), max_leaves=12
    )  # fmt: skip


@given(expressions())
def test_what_is_written_is_read_again(expression: Expression) -> None:
    assert try_expression(str(expression)) == expression
    assert all(str(one) in str(expression) for one in licences_in(expression))
    if isinstance(expression, Joined):
        assert len(set(expression.parts)) == len(expression.parts) > 1
        assert not any(isinstance(one, Joined) and one.operator == expression.operator for one in expression.parts)


PIECES = st.sampled_from(
    [
        "MIT",
        "GPL-2.0+",
        "(",
        ")",
        " AND ",
        " or ",
        " WITH ",
        "LLVM-exception",
        "LicenseRef-",
        "+",
        " ",
        "/",
        "not",
        "\u2028",
    ]
)


@given(st.text() | st.lists(PIECES).map("".join) | st.text(alphabet=string.ascii_letters + " ()+.-:"))
def test_any_text_is_read_or_refused(text: str) -> None:
    expression = try_expression(text)
    if expression is not None:
        assert try_expression(str(expression)) == expression


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "text", ["(" * 3000, "MIT " * 1000, "MIT OR (" * 400, "a" * 4000, "MIT OR " * 500 + "X", ") " * 2000]
)
def test_the_time_is_bounded(text: str) -> None:
    assert try_expression(text) is None
