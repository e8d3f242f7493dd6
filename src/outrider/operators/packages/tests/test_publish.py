"""Files are published in a registry of ours with the settings of their native clients, for each ecosystem alike."""

from pathlib import Path

import msgspec
import pytest

from outrider.core.errors import (
    ConflictError,
    ConnectionFailedError,
    DeniedError,
    InvalidConfigError,
    NotFoundError,
    PreconditionFailedError,
    UnauthenticatedError,
)
from outrider.core.http.headers import Headers
from outrider.core.http.messages import Response
from outrider.operators.packages.operations import info, publish, search
from outrider.operators.packages.operations.info import InfoParams
from outrider.operators.packages.operations.publish import PublishedFile, PublishResult
from outrider.operators.packages.operations.search import SearchParams
from outrider.operators.packages.registries.refusals import reason_of, refusal
from outrider.operators.packages.tests.publishing import KINDS, Publishing, registry_of_ours
from outrider.operators.packages.tests.test_audit import context
from outrider.operators.packages.tests.world import variables

SEARCHED = ("cargo", "composer", "gem", "npm", "nuget")
each = pytest.mark.parametrize("ecosystem", KINDS)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Files of the checkout are no settings of the tests.
    monkeypatch.chdir(tmp_path)


@each
async def test_what_is_published_is_found_and_stays_as_it_is(tmp_path: Path, ecosystem: str) -> None:
    async with registry_of_ours(tmp_path) as registry:
        token = await registry.token("read", "publish")
        it = Publishing(tmp_path, ecosystem, registry.url, token)
        file = it.built()
        change = await it.plan(file)
        assert (change.warnings, list(change.preconditions)) == ([], [file])
        [published] = (await it.run(file, preconditions=change.preconditions)).files
        assert (published.name, published.version, published.state) == (it.kind.name, it.kind.version, "published")
        label = f"{published.name} {published.version} {Path(file).name}"
        assert [(one.path, one.before, one.after) for one in change.difference] == [
            (f"{label}: registry", None, published.registry), (f"{label}: size", None, published.size), (f"{label}: sha256", None, published.sha256),
        ]  # fmt: skip
        assert published.registry.startswith(registry.url)
        # The same again is no change.
        change = await it.plan(file)
        assert (change.difference, len(change.warnings)) == ([], 1)
        assert [one.state for one in (await it.run(file)).files] == ["unchanged"]
        with pytest.raises(ConflictError, match="already, with another content"):
            await it.plan(it.built(number=1))
        assert token not in f"{change} {published}"
        with variables(it.variables):
            facts = await info.run(InfoParams(ecosystem=ecosystem, name=it.kind.name), context(tmp_path))  # type: ignore[arg-type]
            assert facts.versions == [it.kind.version]
            if ecosystem in SEARCHED:
                asked = SearchParams(ecosystem=ecosystem, text="web")  # type: ignore[arg-type]
                [found] = (await search.run(asked, context(tmp_path))).packages
                assert (found.name.lower(), found.version) == (it.kind.name.lower(), it.kind.version)


@each
async def test_what_a_registry_refuses_is_told_with_its_reason(tmp_path: Path, ecosystem: str) -> None:
    async with registry_of_ours(tmp_path) as registry:
        it = Publishing(tmp_path, ecosystem, registry.url, await registry.token("read", "publish"))
        with pytest.raises(DeniedError, match="its name is not among those that are private") as denied:
            await it.run(it.built(name=it.kind.foreign))
        assert it.folder.name in denied.value.message
        reader = Publishing(tmp_path, ecosystem, registry.url, await registry.token("read"))
        with pytest.raises(DeniedError, match="ana may not publish"):
            await reader.run(reader.built())


@each
async def test_credentials_that_are_wrong_or_missing_are_told(tmp_path: Path, ecosystem: str) -> None:
    async with registry_of_ours(tmp_path) as registry:
        wrong = Publishing(tmp_path, ecosystem, registry.url, "outrider_wrong")
        with pytest.raises(UnauthenticatedError) as caught:
            await wrong.run(wrong.built())
        # Of NuGet the service index is read first, which says where packages go.
        assert any(one in caught.value.message for one in ("there is no such token", "does not let us in"))
        assert "outrider_wrong" not in f"{caught.value.body()}"
        # Who may publish need not be let in to read, so that this is no error of a plan.
        registry.close_to_nobody()
        assert "does not tell us" in (await wrong.plan(wrong.built())).warnings[0]
        nobody = Publishing(tmp_path / "nobody", ecosystem, registry.url, "")
        with pytest.raises(UnauthenticatedError) as caught:
            await nobody.plan(nobody.built())
        assert caught.value.suggestions


@each
async def test_a_plan_is_for_the_files_as_they_were(tmp_path: Path, ecosystem: str) -> None:
    async with registry_of_ours(tmp_path) as registry:
        it = Publishing(tmp_path, ecosystem, registry.url, await registry.token("read", "publish"))
        change = await it.plan(it.built())
        with pytest.raises(PreconditionFailedError):
            await it.run(it.built(number=1), preconditions=change.preconditions)


@each
async def test_files_that_are_none_are_refused_before_anybody_is_asked(tmp_path: Path, ecosystem: str) -> None:
    it = Publishing(tmp_path, ecosystem, "http://127.0.0.1:9", "a-token")
    built = Path(it.built())
    for content in (b"no archive", built.read_bytes()[:60], b"\x1f\x8b" + bytes(40), b""):
        with pytest.raises(InvalidConfigError):
            await it.plan(it.put(built.name, content))
    with pytest.raises(NotFoundError):
        await it.plan(str(tmp_path / "nothing" / built.name))
    with pytest.raises(InvalidConfigError, match="twice"):
        await it.plan(it.built(), it.built())
    with pytest.raises(InvalidConfigError, match="credentials"):
        await it.plan(it.built(), registry="https://ana:secret@a.test")
    with pytest.raises(ConnectionFailedError):
        await it.plan(it.built())


async def test_all_files_are_looked_at_before_one_is_sent(tmp_path: Path) -> None:
    async with registry_of_ours(tmp_path) as registry:
        it = Publishing(tmp_path, "npm", registry.url, await registry.token("read", "publish"))
        await it.run(it.built("1.1.0"))
        with pytest.raises(ConflictError):
            await it.run(it.built("1.2.0"), it.built("1.1.0", number=1))
        with pytest.raises(DeniedError) as caught:
            await it.run(it.built("1.2.0"), it.built("1.0.0", name="lodash"))
        assert caught.value.context == {"published": [it.built("1.2.0")]}


def answer(status: int, body: bytes = b"", media: str = "application/json", reason: str = "") -> Response:
    return Response(status, Headers({"content-type": media}), body, reason)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (answer(400, b'{"error": "no\\u001b[31m name"}'), "no [31m name"),
        (answer(400, b'{"errors": [{"detail": "one"}, {"detail": "two"}]}'), "one; two"),
        (answer(400, b'{"message": "m", "success": false}'), "m"),
        (answer(400, b'{"errors": "all"}', reason="words"), "words"),
        (answer(400, b"text\nof lines", "text/plain; charset=utf-8"), "text of lines"),
        (answer(400, b"<html>no", "text/html", "File already exists"), "File already exists"),
        (answer(400, b"[" * 100_000), ""),
        (answer(400, b'{"error": {"message": ["x"]}}'), ""),
    ],
)
def test_reasons_are_in_many_places(given: Response, reason: str) -> None:
    assert reason_of(given) == reason


@pytest.mark.parametrize(
    ("status", "reason", "code"),
    [
        (401, "who?", "UNAUTHENTICATED"), (403, "not yours", "DENIED"), (403, "cannot publish over previously published versions", "CONFLICT"),
        (400, "File already exists", "CONFLICT"), (400, "the name is not allowed", "EXECUTION_FAILED"), (404, "", "NOT_FOUND"),
        (409, "", "CONFLICT"), (413, "", "LIMITED"), (429, "", "LIMITED"), (503, "", "UNAVAILABLE"), (301, "", "EXECUTION_FAILED"),
    ],
)  # fmt: skip
def test_a_status_is_an_error_with_a_remedy(status: int, reason: str, code: str) -> None:
    error = refusal("https://a.test", answer(status, msgspec.json.encode({"error": reason})))
    assert (error.code, reason in error.message, bool(error.hint)) == (code, True, True)


def test_people_read_a_line_for_each() -> None:
    assert publish.OPERATION.text is not None
    one = PublishedFile(
        name="web", version="1.0", file="web.tgz", size=2000, sha256="", registry="https://a.test", state="unchanged"
    )
    assert list(publish.OPERATION.text(PublishResult(files=[one]))) == [
        "unchanged  web 1.0  web.tgz, 2.0 kB, at https://a.test"
    ]
