from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError
from outrider.core.package_policies import LicencePolicy, PackagePolicySpec, Waiver
from outrider.operators.packages.licences.expressions import Expression, Named, joined, licences_in, read_expression
from outrider.operators.packages.licences.judging import LicenceRules, Verdict
from outrider.operators.packages.licences.normalising import Licence, normalised
from outrider.operators.packages.policies.opening import read_policies
from outrider.operators.packages.tests.test_policies import waiver, written

TODAY = "2026-11-29"
POLICY = LicencePolicy(
    allow=["MIT", "Apache-2.0", "BSD-*", "GPL-2.0-only WITH Classpath-exception-2.0", "LGPL-2.1-or-later", "Zlib AND OpenSSL", "LicenseRef-Acme"],
    deny=["AGPL-*", "GPL-3.0-only", "MIT AND JSON", "SSPL-1.0"],
    review=["MPL-2.0", "EPL-2.0"],
)  # fmt: skip


def rules(policy: LicencePolicy, *waivers: Waiver, name: str = "") -> LicenceRules:
    return LicenceRules(name, PackagePolicySpec(licences=policy, waivers=list(waivers)), TODAY)


def judge(
    policy: LicencePolicy, raw: str, *waivers: Waiver, package: str = "npm:web", version: str = "1.0.0"
) -> Verdict:
    ecosystem, _, name = package.partition(":")
    return rules(policy, *waivers).judge(ecosystem, name, version, normalised(ecosystem, raw))


@pytest.mark.parametrize(
    ("expression", "word", "why"),
    [
        ("MIT", "allowed", "MIT is allowed"),
        ("BSD-3-Clause", "allowed", "BSD-3-Clause is allowed"),
        ("GPL-3.0-only", "denied", "GPL-3.0-only is denied"),
        ("AGPL-3.0-or-later", "denied", "AGPL-3.0-or-later is denied"),
        ("MPL-2.0", "review", "MPL-2.0 is to be reviewed"),
        ("Ruby", "review", "Ruby is in none of the lists"),
        ("LicenseRef-Acme", "allowed", "LicenseRef-Acme is allowed"),
        ("LicenseRef-Other", "review", "LicenseRef-Other is in none of the lists"),
        # One branch is enough, and all parts are needed.
        ("MIT OR GPL-3.0-only", "allowed", "MIT is allowed"),
        ("GPL-3.0-only OR MPL-2.0", "review", "MPL-2.0 is to be reviewed"),
        ("GPL-3.0-only OR AGPL-3.0-only", "denied", "GPL-3.0-only is denied, AGPL-3.0-only is denied"),
        ("MIT AND Apache-2.0", "allowed", "MIT is allowed, Apache-2.0 is allowed"),
        ("MIT AND GPL-3.0-only", "denied", "GPL-3.0-only is denied"),
        ("MIT AND MPL-2.0", "review", "MPL-2.0 is to be reviewed"),
        ("(MIT AND GPL-3.0-only) OR Apache-2.0", "allowed", "Apache-2.0 is allowed"),
        ("(MIT OR GPL-3.0-only) AND (MPL-2.0 OR AGPL-3.0-only)", "review", "MPL-2.0 is to be reviewed"),
        # Of what may be later, one version is enough.
        ("GPL-3.0-or-later", "denied", "GPL-3.0-or-later is denied"),
        ("GPL-2.0-or-later", "review", "GPL-2.0-only for GPL-2.0-or-later is in none of the lists"),
        ("Apache-1.1+", "allowed", "Apache-2.0 for Apache-1.1+ is allowed"),
        ("LGPL-2.1-only", "allowed", "LGPL-2.1-only is allowed"),
        ("LGPL-3.0-only", "allowed", "LGPL-3.0-only is allowed"),
        ("LGPL-2.0-only", "review", "LGPL-2.0-only is in none of the lists"),
        ("LGPL-2.0-or-later", "allowed", "LGPL-2.1-only for LGPL-2.0-or-later is allowed"),
        # An exception adds to what one may do.
        ("GPL-2.0-only WITH Classpath-exception-2.0", "allowed", "GPL-2.0-only WITH Classpath-exception-2.0 is allowed"),
        ("GPL-2.0-only", "review", "GPL-2.0-only is in none of the lists"),
        ("Apache-2.0 WITH LLVM-exception", "allowed", "Apache-2.0 WITH LLVM-exception is allowed"),
        ("GPL-3.0-only WITH GCC-exception-3.1", "denied", "GPL-3.0-only WITH GCC-exception-3.1 is denied"),
        ("GPL-2.0-or-later WITH Classpath-exception-2.0", "allowed",
         "GPL-2.0-only for GPL-2.0-or-later WITH Classpath-exception-2.0 is allowed"),
        # Combinations that are listed as such, in any order.
        ("OpenSSL AND Zlib", "allowed", "OpenSSL AND Zlib is allowed"),
        ("OpenSSL", "review", "OpenSSL is in none of the lists"),
        ("JSON AND MIT", "denied", "JSON AND MIT is denied"),
        ("MIT OR (JSON AND MIT)", "allowed", "MIT is allowed"),
        # What its author has not said.
        ("", "unknown", "no licence is told"),
        ("SEE LICENSE IN EULA", "unknown", "what 'SEE LICENSE IN EULA' means is not known"),
        ("UNLICENSED", "review", "LicenseRef-UNLICENSED is in none of the lists"),
        ("MIT WITH Apache-2.0", "unknown", "what 'MIT WITH Apache-2.0' means is not known"),
        ("Apache 2.0", "allowed", "Apache-2.0 is allowed"),
    ],
)  # fmt: skip
def test_the_truth_table(expression: str, word: str, why: str) -> None:
    assert judge(POLICY, expression)[:2] == (word, why)


@pytest.mark.parametrize(
    ("field", "answers"),
    [
        ("unlisted", {"allow": "allowed", "deny": "denied", "review": "review"}),
        ("unknown", {"allow": "allowed", "deny": "denied", "review": "unknown"}),
    ],
)
def test_what_counts_for_the_rest_is_said(field: str, answers: dict[str, str]) -> None:
    raw = "" if field == "unknown" else "Ruby"
    for answer, word in answers.items():
        fields: dict[str, Any] = {field: answer}
        assert judge(LicencePolicy(**fields), raw).word == word


def test_guesses_may_be_reviewed() -> None:
    careful = LicencePolicy(allow=["MIT", "Zlib"], guessed="review")
    assert judge(careful, "MIT License")[:2] == ("review", "MIT is allowed, but that was guessed")
    assert judge(careful, "MIT").word == "allowed"
    assert judge(careful, "GPL v3")[:2] == ("review", "GPL-3.0-only is in none of the lists")


def test_the_strictest_list_counts() -> None:
    both = LicencePolicy(allow=["MIT", "GPL-2.0-only", "Zlib"], deny=["MIT", "GPL-*"], review=["Zlib"])
    assert [judge(both, name).word for name in ("MIT", "GPL-2.0-only", "Zlib")] == ["denied", "denied", "review"]
    excepted = LicencePolicy(allow=["GPL-2.0-only WITH Classpath-exception-2.0"], deny=["GPL-*"])
    assert judge(excepted, "GPL-2.0-only WITH Classpath-exception-2.0").word == "allowed"
    assert judge(excepted, "GPL-2.0-only WITH GCC-exception-2.0").word == "denied"


@pytest.mark.parametrize(
    ("waived", "package", "version", "is_waived"),
    [
        ("npm:web", "npm:web", "1.0.0", True),
        ("npm:web@<2", "npm:web", "1.9.0", True),
        ("npm:web@<2", "npm:web", "2.0.0", False),
        ("npm:web@<2", "npm:web", "no version", False),
        ("npm:web", "npm:web", "no version", True),
        ("npm:@acme/*", "npm:@acme/web", "1.0.0", True),
        ("npm:@acme/*", "npm:acme", "1.0.0", False),
        ("npm:web", "npm:web2", "1.0.0", False),
        ("npm:web", "pypi:web", "1.0.0", False),
        ("pypi:My_Web@>=1,<2", "pypi:my-web", "1.5", True),
        ("pypi:My_*", "pypi:my-web", "1.5", True),
        ("nuget:Acme.Web@[1.0,2.0)", "nuget:acme.web", "1.5.0", True),
        ("composer:Acme/Web@^1", "composer:acme/web", "1.5.0", True),
        ("maven:org.acme:web@[1,2)", "maven:org.acme:web", "1.5", True),
        ("gem:web@~> 1.2", "gem:web", "1.5", True),
        ("cargo:web@1", "cargo:web", "1.5.0", True),
    ],
)
def test_waivers_name_packages_and_versions(waived: str, package: str, version: str, is_waived: bool) -> None:
    denying = LicencePolicy(deny=["GPL-3.0-only"])
    one = waiver(waived, "licences", until=TODAY)
    verdict = judge(denying, "GPL-3.0-only", one, package=package, version=version)
    assert verdict.word == ("allowed" if is_waived else "denied")
    if is_waived:
        assert verdict.why == "waived until 2026-11-29, none better"
    other = waiver(waived, "deny", "advisories")
    assert judge(denying, "GPL-3.0-only", other, package=package, version=version).word == "denied"


def test_waivers_end() -> None:
    old, new = waiver("npm:web", "licences", until="2026-11-28"), waiver("npm:web", "licences", until="2026-12-01")
    denying, allowing = LicencePolicy(deny=["MIT"]), LicencePolicy(allow=["MIT"])
    assert judge(denying, "MIT", old) == ("denied", "MIT is denied; its waiver ended on 2026-11-28")
    assert judge(denying, "MIT", new, old) == ("allowed", "waived until 2026-12-01, none better")
    # What is allowed needs none.
    assert judge(allowing, "MIT", old) == ("allowed", "MIT is allowed")


def test_waivers_that_ended_and_those_that_nothing_needs_are_known() -> None:
    old, new = waiver("npm:web", "licences", until="2026-11-28"), waiver("npm:web", "licences")
    other, foreign = waiver("npm:other", "licences", "deny"), waiver("npm:web", "deny")
    one = rules(LicencePolicy(deny=["MIT"]), old, new, other, foreign)
    assert (one.ended(), one.needless()) == ([old], [new, other])
    one.judge("npm", "web", "1.0.0", normalised("npm", "MIT"))
    assert (one.ended(), one.needless()) == ([old], [other])


def test_a_resolver_is_told_what_is_denied_and_by_which_policy() -> None:
    one = rules(POLICY, name="file, shop")
    why = "are denied by licence (AGPL-3.0-only is denied): licences of file, shop"
    assert one.refuses("npm", "web", "1.0.0", "AGPL-3.0") == why
    assert [one.refuses("npm", "web", "1.0.0", raw) for raw in ("MIT", "MPL-2.0", "", "Acme")] == ["", "", "", ""]
    strict = rules(LicencePolicy(unknown="deny", unlisted="deny"))
    assert strict.refuses("npm", "web", "1.0.0", "") == "are denied by licence (no licence is told)"
    assert "in none of the lists" in strict.refuses("npm", "web", "1.0.0", "MPL-2.0")


LEAVES = ["MIT", "GPL-2.0-only", "GPL-3.0-only", "Apache-1.1", "Apache-2.0", "LicenseRef-Acme"]


def leaves() -> st.SearchStrategy[Named]:
    return st.builds(
        lambda name, later, exception: Named(name, later and name.startswith(("GPL", "Apache")), exception),
        st.sampled_from(LEAVES), st.booleans(), st.sampled_from(["", "", "Classpath-exception-2.0"]),
    )  # fmt: skip


EXPRESSIONS: st.SearchStrategy[Expression] = st.recursive(
    leaves(), lambda inner: st.builds(joined, st.sampled_from(["AND", "OR"]), st.lists(inner, min_size=1, max_size=3)), max_leaves=6
)  # fmt: skip
ENTRIES = st.lists(leaves().map(str) | st.sampled_from(["GPL-*", "Apache-*", "LicenseRef-*"]), max_size=3)


def choices(expression: Expression) -> list[frozenset[tuple[str, str]]]:
    """Return the sets of licences of which one set is to be kept: the long way round, without any rule of the product."""
    if isinstance(expression, Named):
        return [frozenset({(name, expression.exception)}) for name in expression.versions()]
    parts = [choices(part) for part in expression.parts]
    if expression.operator == "OR":
        return [one for part in parts for one in part]
    return [frozenset().union(*one) for one in product(*parts)]


def listed(entries: list[str], name: str, exception: str) -> bool:
    for entry in entries:
        if entry.endswith("*"):
            if not exception and name.startswith(entry[:-1]):
                return True
            continue
        [one] = licences_in(read_expression(entry))
        if exception == one.exception and name in one.versions():
            return True
    return False


def answer(policy: LicencePolicy, name: str, exception: str) -> str:
    for what in dict.fromkeys((exception, "")):
        for way in ("deny", "review", "allow"):
            if listed(getattr(policy, way), name, what):
                return way
    return policy.unlisted


@given(EXPRESSIONS, ENTRIES, ENTRIES, ENTRIES, st.sampled_from(["allow", "deny", "review"]))
def test_a_policy_says_what_all_choices_together_say(
    expression: Expression, allow: list[str], deny: list[str], review: list[str], unlisted: Any
) -> None:
    policy = LicencePolicy(allow=allow, deny=deny, review=review, unlisted=unlisted)
    order = ("allow", "review", "deny")
    ways = [max(order.index(answer(policy, *one)) for one in choice) for choice in choices(expression)]
    expected = {"allow": "allowed", "review": "review", "deny": "denied"}[order[min(ways)]]
    verdict = rules(policy).judge("npm", "web", "1.0.0", Licence(raw="x", expression=str(expression)))
    assert verdict.word == expected
    assert verdict.why


def test_a_file_is_read(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "{licences: {allow: [MIT], deny: ['AGPL-*'], review: [MPL-2.0], unknown: deny, unlisted: allow, guessed: review}, "
        "waivers: [{package: npm:lodash@<5, rules: [licences], until: 2027-01-01, reason: it is replaced}]}",
    )
    assert read_policies(path)["packages-policy.yaml, shop"] == PackagePolicySpec(
        licences=LicencePolicy(
            allow=["MIT"], deny=["AGPL-*"], review=["MPL-2.0"], unknown="deny", unlisted="allow", guessed="review"
        ),
        waivers=[Waiver(package="npm:lodash@<5", rules=["licences"], until="2027-01-01", reason="it is replaced")],
    )


WAIVER = "[{package: 'npm:web', rules: [licences], until: 2027-01-01, reason: x}]"


@pytest.mark.parametrize(
    ("spec", "path", "message"),
    [
        ("{licences: {allow: [MIT OR Apache-2.0]}}", "spec.licences.allow[0]", "allows none of its licences alone"),
        ("{licences: {allow: [Apach-2.0]}}", "spec.licences.allow[0]", r"Apach-2\.0 is in no list of SPDX"),
        (
            "{licences: {review: [MIT, MIT WITH Apache-2.0]}}",
            "spec.licences.review[1]",
            r"Apache-2\.0 is no exception",
        ),
        ("{licences: {deny: ['AGP-*']}}", "spec.licences.deny[0]", "no identifier of SPDX begins with 'AGP-'"),
        ("{licences: {deny: ['*']}}", "spec.licences.deny[0]", "is no licence expression"),
        ("{licences: {allow: MIT}}", "spec.licences.allow", "expected a list"),
        ("{licences: {allows: []}}", "spec.licences.allows", "unknown field 'allows'"),
        ("{licences: {waivers: []}}", "spec.licences.waivers", "unknown field 'waivers'"),
        ("{licences: {unknown: refuse}}", "spec.licences.unknown", "refuse"),
        ("{waivers: " + WAIVER.replace("npm:web", "web") + "}", "spec.waivers[0].package", "'web' names no package"),
        (
            "{waivers: " + WAIVER.replace("npm:web", "npm:web@<<x") + "}",
            "spec.waivers[0].package",
            "not a range of npm",
        ),
        ("{waivers: " + WAIVER.replace("[licences]", "[licenses]") + "}", "spec.waivers[0].rules[0]", "licenses"),
        ("{waivers: " + WAIVER.replace("2027-01-01", "soon") + "}", "spec.waivers[0].until", "is no day"),
    ],
)
def test_errors_name_the_field_and_its_place(tmp_path: Path, spec: str, path: str, message: str) -> None:
    file = written(tmp_path, spec)
    with pytest.raises(InvalidConfigError, match=message) as caught:
        read_policies(file)
    assert caught.value.path == path
    assert (caught.value.source or "").startswith(f"{file}:4:")


def test_all_licences_that_are_none_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        read_policies(written(tmp_path, "{licences: {allow: [Nothing-1.0], deny: [MIT, Nothing-2.0]}}"))
    assert [one.path for one in caught.value.causes] == ["spec.licences.allow[0]", "spec.licences.deny[1]"]
    assert len({one.source for one in caught.value.causes}) == 2
