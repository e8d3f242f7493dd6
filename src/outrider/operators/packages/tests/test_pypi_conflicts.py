"""Python packages of which there is no choice, and questions that are none."""

import pytest

from outrider.core.errors import (
    DeadlineExceededError,
    InvalidConfigError,
    NotFoundError,
)
from outrider.operators.packages.resolving.questions import Question
from outrider.operators.packages.tests.asking import Asking
from outrider.operators.packages.tests.python_index import PythonIndex, status


async def test_a_conflict_is_told_with_what_would_do(index: PythonIndex, ask: Asking) -> None:
    index.add("web", "1.0", "core<2")
    index.add("web", "2.0", "core<2")
    index.add("core", "1")
    index.add("core", "2")
    answer = await ask.impossible("web>=2", "core>=2")
    assert answer.asked == ["web>=2", "core>=2"]
    assert answer.reasons[-1].endswith("there is no solution.")
    assert "every version of web needs core<2, and you ask for core>=2" in answer.reasons[0]
    assert answer.remedies == ["allow core 1: you ask for core>=2"]
    error = answer.error()
    assert (error.code, error.path, error.suggestions) == ("CONFLICT", "packages", answer.remedies)


async def test_a_conflict_is_told_even_where_what_would_do_cannot_be_learned(index: PythonIndex, ask: Asking) -> None:
    index.add("web", "1.0", "more")
    index.add("web", "2.0", "core<2")
    index.add("core", "2")
    index.add("more", "1", "broken-index")
    index.add("more", "2", "core>2")
    index.answers["/simple/broken-index/"] = status(500)
    answer = await ask.impossible("web>=2", "core")
    assert answer.reasons
    assert answer.remedies == []


async def test_conflicts_that_have_nothing_to_do_with_one_another_are_all_told(index: PythonIndex, ask: Asking) -> None:
    for name in ("web", "site"):
        index.add(name, "1", "core-of-" + name)
        index.add(name, "2", f"core-of-{name}<2")
        index.add(f"core-of-{name}", "1")
        index.add(f"core-of-{name}", "2")
    index.add("other", "1")
    answer = await ask.impossible("web>=2", "core-of-web>=2", "other", "site>=2", "core-of-site>=2")
    parts = "\n".join(answer.reasons).split("There is another conflict.")
    assert ["web" in one for one in parts] == [False, True]
    assert ["site" in one for one in parts] == [True, False]
    assert answer.remedies[0] == "allow site 1: you ask for site>=2; and allow web 1: you ask for web>=2"
    assert len(answer.remedies) == 3


async def test_what_would_do_is_not_looked_for_without_end(
    index: PythonIndex, ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Question, "patience", lambda _: 0.0)
    index.add("web", "1.0", "core<2")
    index.add("core", "1")
    index.add("core", "2")
    answer = await ask.impossible("web", "core>=2")
    assert answer.reasons
    assert (answer.remedies, answer.notes) == ([], ["other changes of what you ask for, for which there was no time"])


async def test_wishes_that_contradict_each_other(index: PythonIndex, ask: Asking) -> None:
    index.add("web", "1.0")
    index.add("web", "2.0")
    answer = await ask.impossible("web<2", "web>=2")
    assert answer.remedies
    assert "web<2" in " ".join(answer.reasons)


async def test_a_project_that_is_missing_in_the_middle(index: PythonIndex, ask: Asking) -> None:
    index.add("web", "1.0")
    index.add("web", "2.0", "gone>=1")
    assert await ask.pins("web") == ["web==1.0"]
    answer = await ask.impossible("web>=2")
    assert "gone" in " ".join(answer.reasons)
    assert answer.notes == ["gone: no index has it"]
    with pytest.raises(NotFoundError) as caught:
        await ask.answer("gone")
    assert caught.value.suggestions


async def test_time_that_runs_out_is_no_answer(index: PythonIndex, ask: Asking) -> None:
    index.add("web", "1.0")
    with pytest.raises(DeadlineExceededError):
        await ask.answer("web", seconds=-1.0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "web>>1",
        "web; python_version > '3'",
        "../web",
        "web @ file:///x",
        "-r x",
        "web[",
        "w\u00e9b",
        "web" + "(" * 5000,
    ],
)
async def test_what_is_no_package_is_refused(ask: Asking, text: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        await ask.answer("web", text)
    assert caught.value.path == "packages[1]"
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("", "name a package"),
        ("web; python_version < '3'", "leave out what stands after the semicolon"),
        ("web @ https://files.test/web.whl", "name a package of an index"),
        ("./web", "name a package of an index"),
        ("web>>1", "quote it for your shell"),
    ],
)
async def test_what_is_no_package_is_refused_with_what_to_do(ask: Asking, text: str, remedy: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        await ask.answer(text)
    assert caught.value.suggestions[0].startswith(remedy)


async def test_an_extra_that_is_not_there_is_told(index: PythonIndex, ask: Asking) -> None:
    index.add("web", "1", extras=("fast",))
    assert (await ask.resolved("web[fast,Nope]")).notes == ["web 1 has no extra nope"]


async def test_a_version_that_is_not_there_is_told_with_the_newest(index: PythonIndex, ask: Asking) -> None:
    for version in ("9", "10", "11", "12"):
        index.add("web", version)
    with pytest.raises(NotFoundError) as caught:
        await ask.facts("web", "banana")
    assert caught.value.suggestions[0] == "name one such as 12, 11, 10"


@pytest.mark.parametrize(
    "python", ["3", "x", "3.x", "3.\u00b2", "3.\u0661", "3." + "9" * 5000, "3.1.2.3", "3.99999999", "-3.1"]
)
async def test_what_is_no_python_is_refused(ask: Asking, python: str) -> None:
    with pytest.raises(InvalidConfigError) as caught:
        await ask.answer("web", python=python)
    assert caught.value.path == "python"


async def test_what_was_taken_back_and_prereleases_cut_no_range(index: PythonIndex, ask: Asking) -> None:
    for version in ("1", "2", "3", "4a1", "4"):
        index.add("core", version)
    index.add("core", "3.1", yanked="broken")
    index.add("web", "1", "core>=2")
    index.add("web", "2", "core>=3")
    answer = await ask.impossible("web", "core<2")
    assert "every version of web needs core 2 and newer" in " ".join(answer.reasons)
