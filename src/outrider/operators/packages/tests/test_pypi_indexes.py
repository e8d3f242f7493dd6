"""Several Python indexes, redirects, answers that are none, and what is kept of them."""

from pathlib import Path

import pytest

from outrider.core.errors import (
    ConnectionFailedError,
    LimitedError,
    OutriderError,
    UnauthenticatedError,
    UnavailableError,
)
from outrider.operators.packages.tests.asking import Asking
from outrider.operators.packages.tests.python_index import PythonIndex, cut, redirect, status
from outrider.ports.clock import SystemClock


async def test_the_first_index_that_knows_a_name_has_it_alone(index: PythonIndex, tmp_path: Path) -> None:
    index.add("secret-tools", "1.0", "public")
    async with PythonIndex() as public:
        public.add("secret-tools", "99.0")
        public.add("public", "1.0")
        ask = Asking(tmp_path, index.url, public.url)
        assert await ask.pins("secret-tools") == ["public==1.0", "secret-tools==1.0"]
        await ask.impossible("secret-tools>1")
        assert "/simple/secret-tools/" not in public.paths()


@pytest.mark.parametrize(
    ("number", "error"),
    [(401, UnauthenticatedError), (403, UnauthenticatedError), (429, LimitedError), (500, UnavailableError)],
)
async def test_no_other_index_is_asked_where_the_first_one_does_not_answer(
    index: PythonIndex, tmp_path: Path, number: int, error: type[OutriderError]
) -> None:
    async with PythonIndex() as public:
        public.add("secret-tools", "99.0")
        index.answers["/simple/secret-tools/"] = status(number)
        with pytest.raises(error):
            await Asking(tmp_path, index.url, public.url).answer("secret-tools")
        assert public.requests == []


async def test_files_of_a_second_index_are_asked_with_its_own_credentials(index: PythonIndex, tmp_path: Path) -> None:
    async with PythonIndex(login="ana:secret") as private:
        private.add("web", "1.0")
        ask = Asking(tmp_path, index.url, private.url.replace("//", "//ana:secret@"))
        assert await ask.pins("web") == ["web==1.0"]
        assert all("authorization" not in seen.headers for seen in index.requests)


class Later(SystemClock):
    """A clock that is ahead."""

    def now(self) -> float:
        return super().now() + 3600


async def test_what_has_not_changed_is_not_fetched_again(index: PythonIndex, ask: Asking) -> None:
    index.add("web", "1.0")
    await ask.pins("web")
    assert [(seen.path, seen.status) for seen in index.requests] == [
        ("/simple/web/", 200), ("/files/web-1.0-py3-none-any.whl.metadata", 200),
    ]  # fmt: skip
    index.requests.clear()
    await ask.pins("web")
    assert index.requests == []
    await ask.pins("web", clock=Later())
    assert [(seen.path, seen.status) for seen in index.requests] == [("/simple/web/", 304)]
    index.add("web", "2.0")
    index.requests.clear()
    assert await ask.pins("web", clock=Later()) == ["web==1.0"]
    assert index.requests == []


async def test_no_index_says_whether_what_another_one_had_has_changed(index: PythonIndex, tmp_path: Path) -> None:
    async with PythonIndex() as public:
        public.add("web", "99.0")
        ask = Asking(tmp_path, index.url, public.url)
        assert await ask.pins("web") == ["web==99.0"]
        index.add("web", "1.0")
        assert await ask.pins("web", clock=Later()) == ["web==1.0"]
    seen = [one for one in index.requests if one.path == "/simple/web/"]
    assert [one.headers.get("if-none-match") for one in seen] == [None, None]


async def test_versions_that_came_and_went(index: PythonIndex, ask: Asking) -> None:
    index.add("web", "1.0")
    gone = index.add("web", "3.0", "core")
    index.add("core", "1")
    assert await ask.pins("web") == ["core==1", "web==3.0"]
    index.remove(gone)
    index.add("web", "2.0")
    assert await ask.pins("web", clock=Later()) == ["web==2.0"]


async def test_offline(index: PythonIndex, ask: Asking) -> None:
    index.add("web", "1.0", "core")
    index.add("web", "2.0", "core")
    index.add("core", "1")
    with pytest.raises(UnavailableError) as caught:
        await ask.answer("web", offline=True)
    assert caught.value.suggestions
    await ask.pins("web<2")
    index.requests.clear()
    assert await ask.pins("web", offline=True) == ["core==1", "web==1.0"]
    assert await ask.pins("web", offline=True, clock=Later()) == ["core==1", "web==1.0"]
    assert index.requests == []


async def test_files_that_were_lost_are_fetched_anew(index: PythonIndex, ask: Asking) -> None:
    index.add("web", "1.0")
    index.add("web", "2.0")
    assert await ask.pins("web<2") == ["web==1.0"]
    for path in (ask.folder / "cache").rglob("web.files"):
        path.write_bytes(path.read_bytes()[:-3])
    assert await ask.pins("web") == ["web==2.0"]
    for path in (ask.folder / "cache").rglob("web.files"):
        path.unlink()
    index.add("web", "3.0")
    assert await ask.pins("web", clock=Later()) == ["web==3.0"]


async def test_redirects_are_followed_with_no_credentials_for_others(tmp_path: Path) -> None:
    async with PythonIndex(login="ana:secret") as index, PythonIndex() as other:
        other.add("web", "1.0", "core")
        index.add("core", "1")
        index.answers["/simple/web/"] = redirect(f"{other.url}/web/", 301)
        ask = Asking(tmp_path, index.url.replace("//", "//ana:secret@"))
        assert await ask.pins("web") == ["core==1", "web==1.0"]
        assert {seen.headers.get("authorization") for seen in other.requests} == {None}
        assert all(seen.headers.get("authorization") for seen in index.requests)


@pytest.mark.parametrize(
    "location",
    [
        "",
        "/simple/web/",
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "http://[::1",
        "http://127.0.0.1:99999/",
        "http://a b/",
        "//",
        "http://%zz/\u00e9",
    ],
)
async def test_redirects_that_lead_nowhere(index: PythonIndex, ask: Asking, location: str) -> None:
    index.answers["/simple/web/"] = redirect(location.encode().decode("latin-1"))
    with pytest.raises(OutriderError) as caught:
        await ask.answer("web")
    assert caught.value.code in ("EXECUTION_FAILED", "CONNECTION_FAILED", "INVALID_CONFIG")
    assert len(index.requests) <= 7


async def test_a_page_that_is_cut_off(index: PythonIndex, ask: Asking) -> None:
    index.answers["/simple/web/"] = cut(b'{"files": []', 100)
    with pytest.raises(ConnectionFailedError):
        await ask.answer("web")


async def test_too_many_requests_says_when_again(index: PythonIndex, ask: Asking) -> None:
    for after, seconds in (("7", 7.0), ("soon", 5.0), ("\u00b2", 5.0), ("9" * 5000, 5.0)):
        index.answers["/simple/web/"] = status(429, retry_after=after)
        with pytest.raises(LimitedError) as caught:
            await ask.answer("web")
        assert caught.value.retry_after == seconds
