from pathlib import Path

import pytest

from outrider.core.codec import encode
from outrider.core.errors import InvalidConfigError, NotFoundError
from outrider.operators.kubernetes.recordings import read_recording
from outrider.operators.kubernetes.subjects import Subject, subject_of, subject_word
from outrider.ports.kube.answers import Access

# Written by an API server (1.37) for a few commands of kubectl; one of each call.
LOG = (Path(__file__).parent / "audit.jsonl").read_text()
WEB = Subject("ServiceAccount", "web", "shop")


def test_an_audit_log_says_what_a_subject_needed() -> None:
    found = read_recording(LOG, WEB)
    maps = ("", "configmaps", "shop")
    assert found.calls == {
        Access("list", "", "pods", "shop"), Access("get", "", "pods", "shop", "x"), Access("get", "", "namespaces", "shop", "shop"),
        Access("list", "apps", "deployments", "shop"), Access("list", "", "nodes"),
        Access("create", *maps), Access("get", *maps, "settings"), Access("patch", *maps, "settings"),
        Access("delete", *maps, "settings"), Access("list", *maps), Access("watch", *maps),
        Access("patch", *maps, "applied"),
    }  # fmt: skip
    assert found.refused == {Access("list", "", "secrets", "shop")}
    assert found.common == 4, "discovery, which everybody may read"


def test_who_acts_for_another_needs_to_be_allowed_just_that() -> None:
    root = read_recording(LOG, Subject("User", "root"))
    assert root.calls == {
        Access("impersonate", "", "serviceaccounts", "shop", "web"), Access("impersonate", "", "users", "", "ana"),
        Access("impersonate", "", "groups", "", "developers"),
    }  # fmt: skip
    refused = {Access("list", "", "pods", "shop")}
    assert read_recording(LOG, Subject("User", "ana")).refused == refused
    assert read_recording(LOG, Subject("Group", "developers")).refused == refused


def test_what_was_allowed_once_was_not_refused() -> None:
    forbidden, allowed = '"code":403', '"code":200'
    lines = [
        '{"kind":"Event","verb":"get","user":{"username":"ana"},"objectRef":{"resource":"pods"},"responseStatus":{'
        + code
        + "}}"
        for code in (forbidden, allowed)
    ]
    found = read_recording("\n".join(lines), Subject("User", "ana"))
    assert (found.calls, found.refused) == ({Access("get", "", "pods")}, set())


def test_our_own_lines_are_taken_for_the_subject() -> None:
    call = Access("get", "apps", "deployments", "shop", "web")
    assert read_recording(encode(call).decode(), WEB).calls == {call}


def test_a_broken_line_is_named_and_a_subject_that_did_nothing_too() -> None:
    with pytest.raises(InvalidConfigError) as broken:
        read_recording(f"{LOG}\n{{", WEB)
    assert broken.value.source == f"recording:{len(LOG.splitlines()) + 2}"
    with pytest.raises(NotFoundError) as nobody:
        read_recording(LOG, Subject("ServiceAccount", "wob", "shop"))
    assert nobody.value.suggestions[0] == "did you mean 'serviceaccount/shop/web'?"


@pytest.mark.parametrize(
    ("word", "one_form"),
    [
        ("sa/shop/web", "serviceaccount/shop/web"),
        ("user/system:serviceaccount:shop:web", "serviceaccount/shop/web"),
        ("user/https://issuer.example/id#7", "user/https://issuer.example/id#7"),
        ("group/system:masters", "group/system:masters"),
    ],
)
def test_a_subject_has_one_form(word: str, one_form: str) -> None:
    assert subject_word(word) == one_form
    assert subject_word(one_form) == one_form


@pytest.mark.parametrize("word", ["sa/web", "ana", "users/ana", "user/", "sa/Shop/web", "serviceaccount/a/b/c"])
def test_what_is_no_subject_is_refused(word: str) -> None:
    with pytest.raises(InvalidConfigError):
        subject_of(word)
