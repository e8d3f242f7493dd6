"""Whatever stands in a file, it is read or refused."""

import random
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import OutriderError
from outrider.operators.packages.locks.lock import Lock
from outrider.operators.packages.locks.reading import read_lock
from outrider.operators.packages.tests.test_lock_samples import LISTED, SAMPLES

NAMES = sorted({*LISTED, "yarn4/yarn.lock"})
PIECES = st.sampled_from([
    "{", "}", "[", "]", '"', "'", ":", ",", "\n", "\n  ", "=", "#", "@", "/", "\\", "<", ">", "&a", "*a", "$(", "${a}", "null", "0", "true",
    "[]", "{}", "\ud800", "\x00", "\ufeff", "\u2028", "9" * 5000, "-", "!!x", "~", "npm:", "pkg:npm/", "1.0", "a", "%", "(", ")", "sha512-", " ",
]) | st.text(max_size=5)  # fmt: skip


def attempt(name: str, text: str) -> None:
    with suppress(OutriderError):
        lock = read_lock(name, text)
        check(lock)


def check(lock: Lock) -> None:
    keys = [(one.ecosystem, one.name, one.version) for one in lock.packages]
    assert keys == sorted(set(keys))
    assert all(all(key) for key in keys)
    assert all(len(one) <= 200 for one in lock.unreadable)
    for package in lock.packages:
        assert all(set(one) <= set("0123456789abcdef") for digits in package.hashes.values() for one in digits)
        assert all(package.needs)


@given(st.sampled_from(NAMES), st.text() | st.lists(PIECES).map("".join))
def test_any_text_is_read_or_refused(name: str, text: str) -> None:
    attempt(name, text)


@given(st.sampled_from(NAMES), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 40), PIECES), min_size=1, max_size=4))
def test_a_sample_in_which_pieces_are_replaced_is_read_or_refused(
    name: str, changes: list[tuple[float, int, str]]
) -> None:
    text = (SAMPLES / name).read_text()
    for place, length, piece in changes:
        begin = int(place * len(text))
        text = text[:begin] + piece + text[begin + length :]
    attempt(name, text)


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_whose_words_are_other_words_is_read_or_refused(name: str) -> None:
    """Replace values within well-formed files, where the readers get far."""
    chance = random.Random(name)
    lines = (SAMPLES / name).read_text().split("\n")
    values = ["null", "true", "7", "[]", "{}", '"x"', "[7]", '{"a": 7}', "[{}]", "1.5"]
    for _ in range(150):
        changed = list(lines)
        for _ in range(chance.randint(1, 3)):
            number = chance.randrange(len(changed))
            head, separator, rest = changed[number].partition(chance.choice([": ", " = ", "="]))
            end = "," if rest.endswith(",") else ""
            changed[number] = f"{head}{separator}{chance.choice(values)}{end}" if separator else chance.choice(values)
        attempt(name, "\n".join(changed))


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("requirements.txt", "a" + " " * 300_000 + "x"),
        ("requirements.txt", "a==1 " + "--hash " * 100_000),
        ("requirements.txt", "".join(f"a==1 --hash=sha256:{number:064x}\n" for number in range(20_000))),
        ("yarn.lock", '"' + '\\"' * 300_000),
        ("bun.lock", '{"a": "' + '\\"' * 300_000),
        ("bun.lock", '{"a": [' + ", " * 300_000),
        ("bun.lock", '{"packages": {"' + "a/" * 100_000 + 'b": ["b@1", {"dependencies": {"c": "1"}}]}}'),
        ("uv.lock", "".join(f"{'a.' * 99}b{number} = 1\n" for number in range(2000))),
        ("pnpm-lock.yaml", "{" + "a: b, " * 50_000 + "}"),
        ("pom.xml", "<project><dependencies><dependency><groupId>" + "${" * 300_000 + "</groupId></dependency></dependencies></project>"),
        ("Gemfile.lock", "GEM\n    " + "a (" * 300_000),
        ("list.txt", "pkg:npm/" + "a/" * 300_000 + "@"),
    ],
)  # fmt: skip
def test_the_time_grows_with_the_size_and_no_faster(name: str, text: str) -> None:
    attempt(name, text)
