"""What the documents say is there."""

import contextlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from docs.generate import CHART, REFERENCE, REFERENCE_FILES, STUBS, helm_chart, reference_file, stubs
from outrider.core.errors import CODES, InvalidConfigError, OutriderError
from outrider.core.schema import convert
from outrider.core.source import NO_SOURCE
from outrider.data import data_folder
from outrider.orchestrator.cases import Case, judge
from outrider.runtime.discovery import registry
from outrider.runtime.documents import Document, read_text
from outrider.runtime.objects import parse_object, parse_objects
from outrider.runtime.plugins.catalogue import Catalogue, catalogue
from outrider.surfaces.cli.app import root
from tests.docs.markdown_files import ROOT, Block, blocks, files, fragments, links

OURS = [path for path in files() if path.parent == ROOT or path.is_relative_to(ROOT / "docs")]
FILES = pytest.mark.parametrize("file", files(), ids=lambda path: str(path.relative_to(ROOT)))
YAML = [block for file in files() for block in blocks(file) if "apiVersion: outrider.dev" in block.body]
TUTORIAL = ROOT / "docs" / "tutorial" / "first-rule.md"
RULES_GUIDE = ROOT / "docs" / "how-to" / "write-rules.md"
PLUGIN_GUIDE = ROOT / "docs" / "how-to" / "write-a-plugin.md"
STAND_IN = "stand-in"  # an object that need not have this very name
_CONTINUED = re.compile(r"\\\n\s*")


def test_stubs_are_current() -> None:
    found = {path.name: path.read_text() for path in STUBS.glob("*.pyi")}
    assert found == stubs(), "run: make docs"


@pytest.mark.parametrize("name", REFERENCE_FILES)
def test_generated_pages_are_current(name: str) -> None:
    written = (REFERENCE / name).read_bytes()
    assert written == reference_file(name).encode(), "run: make docs"


def test_the_helm_chart_is_current() -> None:
    written = {str(path.relative_to(CHART)): path.read_text() for path in CHART.rglob("*") if path.is_file()}
    assert written == helm_chart(), "run: make docs"


@FILES
def test_links_lead_somewhere(file: Path) -> None:
    assert [link for link in links(file) if _is_relative(link) and not _resolves(file, link)] == []


def _is_relative(link: str) -> bool:
    return "://" not in link and not link.startswith("mailto:")


def _resolves(file: Path, link: str) -> bool:
    path, _, fragment = link.partition("#")
    target = (file.parent / path) if path else file
    return target.exists() and (not fragment or fragment in fragments(target))


def test_a_broken_link_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One thing\n[a](#one-thing) [b](#none) [c](gone.md)\n```text\n[d](code.md)\n```\n")
    assert [link for link in links(page) if not _resolves(page, link)] == ["#none", "gone.md"]


@pytest.mark.parametrize("block", YAML, ids=lambda block: block.name)
def test_objects_are_valid(block: Block, tmp_path: Path) -> None:
    documents = read_text(block.body, block.name)
    plugins = _with_documented_plugins(tmp_path) if block.file == PLUGIN_GUIDE else catalogue(tmp_path)
    for document in documents:
        parse_object(document.data, registry(), document.source)
    missing = _stand_ins(documents)
    parse_objects([*documents, *missing], registry(), plugins)


def _stand_ins(documents: list[Document]) -> list[Document]:
    """Return what objects of a block name and the page declares elsewhere: agents, outputs, groups."""
    declared = {(document.data["kind"], document.data["metadata"]["name"]) for document in documents}
    kinds = {kind for kind, _ in declared}
    wanted = {found for document in documents for found in _named(document.data)}
    return [
        Document(_object(kind, name, extra), NO_SOURCE, documents[0].position)
        for (kind, name, extra) in sorted(wanted)
        if (kind, name) not in declared and not (name == STAND_IN and kind in kinds)
    ]


def _named(data: dict[str, object]) -> Iterator[tuple[str, str, str]]:
    spec = data["spec"]
    assert isinstance(spec, dict)
    when = spec.get("when", {}) if data["kind"] == "Rule" else {}
    for condition in [one for join in ("any", "all", "then") for one in when.get(join, [])]:
        agent, _, trigger = condition.get("trigger", "").partition("/")
        if agent:
            yield "SensorAgent", agent, trigger
    for step in [leaf for stage in spec.get("do", []) for leaf in stage.get("parallel", [stage])]:
        if "plugin" in step:
            yield "ActionAgent", step.get("runOn", STAND_IN), step["plugin"]
        for group in step.get("requireApproval", {}).get("from", []):
            yield "Platform", STAND_IN, group
    for group in (spec.get("approval") or {}).get("from", []):
        yield "Platform", STAND_IN, group
    for output in spec.get("report", []):
        yield "Output", output["output"] if isinstance(output, dict) else output, ""


def _object(kind: str, name: str, extra: str) -> dict[str, object]:
    probe = {"name": extra, "plugin": "http-probe", "config": {"url": "http://127.0.0.1:1/"}}
    specs: dict[str, dict[str, object]] = {
        "SensorAgent": {"triggers": [probe]},
        "ActionAgent": {"plugins": [extra]},
        "Platform": {"groups": {extra: ["ana"]}},
        "Output": {"plugin": "file", "config": {"path": "reports.jsonl"}},
    }
    return {"apiVersion": "outrider.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": specs[kind]}


def _with_documented_plugins(folder: Path) -> Catalogue:
    """Write the plugins that the guide shows as files, and return the catalogue that has them."""
    text = PLUGIN_GUIDE.read_text(encoding="utf-8")
    for match in re.finditer(r"^`(plugins/[\w./-]+)`:\n\n```\w+\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        path = folder / match[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(match[2])
    found = catalogue(folder)
    assert found.broken == {}
    return found


def test_the_tutorial_is_one_valid_platform(tmp_path: Path) -> None:
    parts = [block.body for block in blocks(TUTORIAL) if block.info == "yaml"]
    objects = parse_objects(read_text("".join(parts), "outrider.yaml"), registry(), catalogue(tmp_path))
    assert {item.kind for item in objects} == {"Platform", "SensorAgent", "ActionAgent", "Rule", "Output"}


def test_the_cases_of_the_guide_pass(tmp_path: Path) -> None:
    guide = [block for block in blocks(RULES_GUIDE) if block.info == "yaml"]
    documents = [document for block in guide if "kind: Rule" in block.body for document in read_text(block.body, "x")]
    rules = [document for document in documents if document.data["metadata"]["name"] != "renew"]
    objects = parse_objects([*rules, *_stand_ins(rules)], registry(), catalogue(tmp_path))
    (cases,) = [block for block in guide if "expect:" in block.body]
    (document,) = read_text(cases.body, "cases.yaml")
    judged = [judge(case, objects) for case in convert(document.data, list[Case])]
    assert [one.faults for one in judged] == [[], []]


def test_every_name_occurs() -> None:
    text = "\n".join(file.read_text(encoding="utf-8") for file in OURS)
    names = {
        f"{family.name}.{o.name}" for family in registry().families.values() for o in family.declaration.operations
    }
    names |= {plugin.manifest.id for plugin in Catalogue([data_folder("plugins")]).plugins()}
    names |= set(registry().kinds) | set(CODES)
    assert sorted(name for name in names if name not in text) == []


def commands() -> list[tuple[str, str]]:
    """Return every command line after a prompt, with its file."""
    found = []
    for file in files():
        for block in blocks(file):
            lines = _CONTINUED.sub(" ", block.body).splitlines()
            found += [(block.name, line[2:]) for line in lines if line.startswith("$ outrider")]
    return found


@pytest.mark.parametrize(("place", "line"), commands(), ids=lambda value: value)
def test_commands_can_be_given(place: str, line: str) -> None:
    try:
        with contextlib.suppress(click.exceptions.Exit):  # --help
            _parse(root, shlex.split(line, comments=True)[1:])
    except (click.ClickException, OutriderError) as error:
        pytest.fail(f"{place}: {line}: {error}")


def _parse(command: click.Command, words: list[str], parent: click.Context | None = None) -> None:
    """Let click read a command line down to its leaf; nothing is run."""
    with command.make_context(command.name or "outrider", words, parent=parent) as context:
        if not isinstance(command, click.Group):
            return
        rest = [*context._protected_args, *context.args]
        if not rest:
            assert command.invoke_without_command, f"{context.command_path} needs a command"
            return
        name, found, rest = command.resolve_command(context, rest)
        assert found is not None, name
        _parse(found, rest, context)


@pytest.mark.parametrize("line", ["hst", "status --evry", "runs show", "host http_chek", "runs"])
def test_a_wrong_command_is_seen(line: str) -> None:
    with pytest.raises((click.ClickException, InvalidConfigError, OutriderError, AssertionError)):
        _parse(root, line.split())
