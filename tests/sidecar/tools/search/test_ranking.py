"""Which tools a query finds by its words."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.sidecar.tools.search.lexical import WordIndex
from outrider.sidecar.tools.search.server import fused
from outrider.sidecar.tools.search.words import LONGEST_TEXT, MOST_WORDS, spoken, words
from tests.sidecar.tools.search.support import TOOLS, tool

INDEX = WordIndex([spoken(one["name"], one) for one in TOOLS])
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["properties", "description", "a"]), inner),
    max_leaves=20,
)


def best(query: str) -> str:
    """Return the name of the tool that fits best."""
    (number, _), *_ = INDEX.rank(query)
    found: str = TOOLS[number]["name"]
    return found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("issues_list-for.repo", ["issue", "list", "for", "repo"]),
        ("listPets", ["listpet", "list", "pet"]),
        ("HTTPServerError2", ["httpservererror2", "http", "server", "error2"]),
        ("policies branches boxes passes statuses class this bus gas", ["policy", "branch", "box", "pass", "statuse", "class", "this", "bus", "gas"]),
        ("Straße ÜBER", ["strasse", "über"]),
        ("!? --", []),
        ("", []),
    ],
)  # fmt: skip
def test_words(text: str, found: list[str]) -> None:
    assert list(words(text)) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("create an issue", "issues_create"), ("CREATE ISSUES", "issues_create"), ("create-for-issue", "reactions_create-for-issue"),
        ("comment on an issue", "issues_create-comment"), ("merge pull request", "pulls_merge"),
        ("list the pull requests", "pulls_list"), ("cancel a workflow run", "actions_cancelWorkflowRun"),
        ("cancelWorkflowRun", "actions_cancelWorkflowRun"), ("pet", "getPetById"), ("branch artifacts", "actions_listArtifacts"),
        ("person", "user_lookup"), ("milestones", "issues_list-for-repo"),
    ],
)  # fmt: skip
def test_a_query_finds_the_tool_that_is_meant(query: str, found: str) -> None:
    assert best(query) == found


def test_a_name_weighs_more_than_a_text() -> None:
    tools = [tool("a", "the first line\n\nfrobnicate"), tool("frobnicate", "b"), tool("c", "d", frobnicate="e")]
    ranked = WordIndex([spoken(one["name"], one) for one in tools]).rank("frobnicate")
    assert [number for number, _ in ranked] == [1, 0, 2]


def test_what_shares_no_word_is_not_found() -> None:
    assert INDEX.rank("zebra") == INDEX.rank("") == INDEX.rank("!") == []
    assert WordIndex([]).rank("issue") == []
    assert WordIndex([spoken("", {"name": ""})]).rank("issue") == []


def test_equal_tools_stay_in_their_order_and_words_that_stand_twice_count_once() -> None:
    twins = WordIndex([spoken(one, tool(one, "same")) for one in ("a", "b", "c")])
    assert [number for number, _ in twins.rank("same")] == [0, 1, 2]
    assert twins.rank("same same") == twins.rank("same")


@given(st.lists(st.tuples(st.text(), JSON, JSON, JSON), max_size=5), st.text())
def test_whatever_servers_say_tools_are_ranked(said: list[tuple[str, Any, Any, Any]], query: str) -> None:
    tools = [
        spoken(name, {"name": name, "title": title, "description": text, "inputSchema": schema})
        for name, title, text, schema in said
    ]
    assert all(len(one.takes) <= MOST_WORDS for one in tools)
    ranked = WordIndex(tools).rank(query)
    assert ranked == WordIndex(tools).rank(query)
    assert all(score > 0 for _, score in ranked)
    assert [score for _, score in ranked] == sorted((score for _, score in ranked), reverse=True)


def test_long_texts_are_read_to_a_bound() -> None:
    found = spoken("a", tool("a", "x" * 10_000_000, **{f"p{number}": "word " * 1000 for number in range(100)}))
    assert sum(map(len, found.does)) == LONGEST_TEXT
    assert len(found.takes) == MOST_WORDS


def test_what_is_high_in_two_rankings_comes_first() -> None:
    assert [number for number, _ in fused([[1, 2, 3], [3, 1, 0]])] == [1, 3, 2, 0]
    assert fused([[], [7]]) == [(7, 1 / 61)]
