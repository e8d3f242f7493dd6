"""What comes from Python indexes: pages, metadata, names of files; right ones, odd ones, and hostile ones."""

import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import ExecutionFailedError
from outrider.operators.packages.pypi.pages import Page, PypiFile, read_page
from outrider.operators.packages.pypi.records import version_of
from outrider.operators.packages.pypi.targets import PypiTarget
from outrider.operators.packages.registries.downloads import Document
from outrider.operators.packages.tests.python_index import JSON

HTML = "text/html"
URL = "http://host/simple/web/"
# Without it, a page without files is none of an index.
MARK = "<title>Links for web</title>"


def page(content: str | bytes, content_type: str = HTML) -> Page:
    written = content if isinstance(content, bytes) else content.encode()
    return read_page(Document(content=written, url=URL, content_type=content_type))


def file_of(attributes: str) -> PypiFile:
    (file,) = page(f"<a {attributes}>web-1-py3-none-any.whl</a>").files
    return file


def of_json(**fields: object) -> PypiFile:
    file = {"filename": "web-1-py3-none-any.whl", "url": "web-1-py3-none-any.whl", **fields}
    (read,) = page(msgspec.json.encode({"files": [file]}), JSON).files
    return read


@pytest.mark.parametrize(
    "attributes",
    [
        'href="../../web-1.whl#sha256=ab" data-requires-python="&gt;=3.8"',
        "href='../../web-1.whl#sha256=ab' data-requires-python='>=3.8'",
        'data-requires-python=">=3.8" href="../../web-1.whl#sha256=ab"',
        'class=x HREF = ../../web-1.whl#sha256=ab Data-Requires-Python="&#62;&#x3d;3.8" disabled',
        '\n\thref="/web-1.whl#sha256=ab"\n data-requires-python=">=3.8"\n',
        'href="http&#58;//host/web-1.whl#sha256=ab" href="/other.whl" data-requires-python="&gt;=3.8" /',
    ],
)
def test_attributes_however_they_are_written(attributes: str) -> None:
    file = file_of(attributes)
    assert (file.name, file.url, file.python) == ("web-1.whl", "http://host/web-1.whl", ">=3.8")
    assert file.hashes == {"sha256": "ab"}
    assert file.yanked is None


@pytest.mark.parametrize(
    ("attributes", "yanked"),
    [("", None), ("data-yanked", ""), ('data-yanked=""', ""), ("data-yanked='it&#39;s &lt;bad&gt;'", "it's <bad>"), ("data-yanked=bad", "bad")],
)  # fmt: skip
def test_why_a_file_was_taken_back(attributes: str, yanked: str | None) -> None:
    assert file_of(f'href="x.whl" {attributes}').yanked == yanked


@pytest.mark.parametrize(
    ("attributes", "served"),
    [
        ("", False),
        ('data-core-metadata="true"', True),
        ('data-core-metadata="sha256=ab"', True),
        ('data-dist-info-metadata="sha256=ab"', True),
        ('data-core-metadata="false" data-dist-info-metadata="true"', False),
    ],
)
def test_whether_metadata_is_served(attributes: str, served: bool) -> None:
    assert file_of(f'href="x.whl" {attributes}').metadata is served


def test_what_stands_around_links_is_passed_over() -> None:
    found = page(
        """<!doctype html><head><base target=_top href="http://files/a/"><title>a</title></head>
        <!-- <a href="hidden.whl">hidden.whl</a> --><abbr href="no.whl">no</abbr>
        <a href="one.whl"><b>one</b>.whl</a><A HREF="/two.whl#">two</A><a name="top">top</a><a href="three%2B1.whl?x=1#md5=cd">"""
    )
    assert [(file.name, file.url, file.hashes) for file in found.files] == [
        ("one.whl", "http://files/a/one.whl", {}),
        ("two.whl", "http://files/two.whl", {}),
        ("three+1.whl", "http://files/a/three%2B1.whl?x=1", {"md5": "cd"}),
    ]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"url": "../../x.whl"}, {"url": "http://host/x.whl"}),
        ({"url": "//other/x.whl"}, {"url": "http://other/x.whl"}),
        ({"yanked": True}, {"yanked": ""}),
        ({"yanked": "why"}, {"yanked": "why"}),
        ({"yanked": ""}, {"yanked": ""}),
        (
            {"yanked": None, "core-metadata": None, "requires-python": None, "size": None},
            {"yanked": None, "metadata": False},
        ),
        ({"core-metadata": {"sha256": "ab"}}, {"metadata": True}),
        ({"dist-info-metadata": True}, {"metadata": True}),
        ({"requires-python": ">=3", "size": 7, "upload-time": "2026-01-01T00:00:00Z"}, {"python": ">=3", "size": 7}),
    ],
)
def test_files_of_json(fields: dict[str, object], expected: dict[str, object]) -> None:
    file = of_json(**fields)
    if fields.get("yanked") == "":
        expected = {"yanked": ""}
    assert {name: getattr(file, name) for name in expected} == expected


def test_addresses_that_are_none_are_passed_over() -> None:
    bad = "http://[::1/web-2.whl"
    assert [file.name for file in page(f'<a href="{bad}">x</a><a href="web-1.whl">y</a>').files] == ["web-1.whl"]
    files = [{"filename": "web-2.whl", "url": bad}, {"filename": "web-1.whl", "url": "x"}]
    assert [file.name for file in page(msgspec.json.encode({"files": files}), JSON).files] == ["web-1.whl"]


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"{}", "text/plain"),
        (b"{}", "application/json"),
        (b"", ""),
        (b"<html>", JSON),
        (b'{"files": 1}', JSON),
        (b'{"files": [{"filename": "x"}]}', JSON),
        (b'{"files": [{"url": "x", "filename": "\xff"}]}', JSON),
        (b'{"x":' + b"[" * 100_000, JSON),
        (b'{"project-status": {"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}}", JSON),
        (b"[]", JSON),
    ],
    ids=range(10),
)
def test_what_is_no_page_is_refused(content: bytes, content_type: str) -> None:
    with pytest.raises(ExecutionFailedError) as caught:
        page(content, content_type)
    assert caught.value.suggestions
    assert len(str(caught.value)) < 1000


@given(st.text() | st.text("<a href=\"' >/!-base&#;.#\n").map(lambda text: f"<a {text}"))
def test_any_html_is_read(text: str) -> None:
    page(f"{MARK}{text}")


@pytest.mark.parametrize(
    "piece",
    [
        "<a ",
        "<a href=",
        '<a "',
        "<a '\"",
        "<base href",
        "<!--",
        "a",
        "<a href='x",
        "<a b",
        "<a =",
        '<a href="x" ',
        "&#",
        '<a href="">',
    ],
)
def test_no_page_takes_long(piece: str) -> None:
    began = time.process_time()
    page(MARK + piece * (1_000_000 // len(piece)))
    page(f"{MARK}<a " + piece * (1_000_000 // len(piece)) + ">")
    assert time.process_time() - began < 8


@pytest.mark.parametrize(
    ("file", "version"),
    [
        ("my_web.site-1.0-py3-none-any.whl", "1.0"),
        ("My_Web.Site-1.0-1abc-py3-none-any.whl", "1.0"),
        ("my_web_site-1.0+cu12-cp312-cp312-linux_x86_64.whl", "1.0+cu12"),
        ("my_web_site-1.0RC1-py3-none-any.whl", "1.0rc1"),
        ("my-web-site-1.0.tar.gz", "1.0"),
        ("my.web_site-1.0-1.zip", "1.0-1"),
        ("my-web-site-v1.0.tgz", "1.0"),
        ("other-1.0-py3-none-any.whl", None),
        ("my_web_site-1.0-none-any.whl", None),
        ("my_web_site-1.0.exe", None),
        ("my-web-site-more-1.0.tar.gz", "more-1.0"),
        ("my_web_site-1.0-py3-none-any.whl.metadata", None),
        ("my_web_site-1.0-" + "x" * 300 + "-none-any.whl", None),
        ("-" * 100_000 + ".tar.gz", None),
        ("../../my_web_site-1.0.tar.gz", None),
        ("", None),
    ],
)
def test_versions_of_files(file: str, version: str | None) -> None:
    assert version_of(file, "my-web-site") == version


@given(st.text("abc-_.+01!vpy3whltargz/\\ \n") | st.text())
def test_any_file_name_is_read(name: str) -> None:
    for ending in (".whl", ".tar.gz", ""):
        version_of(name + ending, "a-b")


def test_tags_beyond_all_bounds_are_of_no_machine() -> None:
    many = ".".join(["py3"] * 80)
    began = time.process_time()
    assert PypiTarget.of("3.12").rank(f"{many}-{many}-{many}") is None
    assert time.process_time() - began < 1
    assert PypiTarget.of("3.12").rank("py2.py3-none-any") is not None
