"""What a pyproject.toml asks for."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider.core.errors import InvalidConfigError, OutriderError, UnsupportedError
from outrider.operators.packages.locks.writing.texts import toml_text
from outrider.operators.packages.manifests.pyproject import read_pyproject

HEAD = '[project]\nname = "Shop_x"\nversion = "1.0.0-RC1"\nrequires-python = ">=3.11"\n'


def test_all_lists_are_read() -> None:
    project = read_pyproject(
        f"""{HEAD}dependencies = ["Web [b, A] (>=1.0 , <2)", "core; python_version < '3.12'"]
[project.optional-dependencies]
Docs = ["late>1,!=1.5,>=0.9; os_name == 'nt' or os_name == 'posix'"]
all = ["shop-x[docs]"]
[dependency-groups]
Dev = ["tool", {{ include-group = "lint" }}]
lint = ["check==1.*"]
[build-system]
requires = []
"""
    )
    assert (project.name, project.version, project.pythons) == ("shop-x", "1.0.0rc1", ">=3.11")
    assert [one.entry() for one in project.requirements] == [
        '{ name = "web", extras = ["b", "a"], specifier = ">=1.0,<2" }',
        '{ name = "core", marker = "python_full_version < \'3.12\'" }',
        '{ name = "late", marker = "(os_name == \'nt\' or os_name == \'posix\') and extra == \'docs\'", specifier = ">=0.9,>1,!=1.5" }',
        '{ name = "shop-x", extras = ["docs"], marker = "extra == \'all\'" }',
    ]  # fmt: skip
    assert project.extras == ["docs", "all"]
    assert {name: [one.need.name for one in group] for name, group in project.groups.items()} == {
        "dev": ["tool", "check"],
        "lint": ["check"],
    }
    asked = project.asked()
    assert [one.need.name for one in asked] == ["web", "core", "late", "tool", "check"]
    assert asked[4].where == ("dependency-groups", "lint", 0)
    lists = [[asked.index(one) for one in some] for some in project.lists()]
    assert lists == [[0, 1], [2], [2], [3, 4], [4]]


WRONG = [
    ("", "project", UnsupportedError),
    ('[project]\nname = "a"\nversion = "1"\nrequires-python = 3', "project.requires-python", InvalidConfigError),
    ('[project]\nname = "a"\nversion = "x"\nrequires-python = ">=3"', "project.version", InvalidConfigError),
    (f'{HEAD}dynamic = ["dependencies"]', "project.dynamic", UnsupportedError),
    (f"{HEAD}dependencies = 1", "project.dependencies", InvalidConfigError),
    (f"{HEAD}dependencies = [1]", "project.dependencies.0", InvalidConfigError),
    (f'{HEAD}dependencies = ["?"]', "project.dependencies.0", InvalidConfigError),
    (f"{HEAD}optional-dependencies = 1", "project.optional-dependencies", InvalidConfigError),
    (f'{HEAD}[dependency-groups]\na = [{{ include-group = "b" }}]', "dependency-groups.a.b", InvalidConfigError),
    (f'{HEAD}[dependency-groups]\na = [{{ include-group = "a" }}]', "dependency-groups.a.a", InvalidConfigError),
    (f"{HEAD}[dependency-groups]\na = [{{ other = 1 }}]", "dependency-groups.a.0", InvalidConfigError),
    (f"{HEAD}[dependency-groups]\na = 1", "dependency-groups.a", InvalidConfigError),
]


@pytest.mark.parametrize(("text", "path", "kind"), WRONG)
def test_what_cannot_be_read(text: str, path: str, kind: type[OutriderError]) -> None:
    with pytest.raises(kind) as caught:
        read_pyproject(text)
    assert caught.value.path == path
    assert caught.value.suggestions


VALUES = st.recursive(
    st.one_of(st.integers(-1, 1).map(str), st.text(max_size=12).map(toml_text), st.sampled_from(('"web>=1"', '"web[a] ; os_name == \'nt\'"'))),
    lambda inner: st.lists(inner, max_size=3).map(lambda each: f"[{', '.join(each)}]"), max_leaves=4,
)  # fmt: skip
LINES = st.lists(
    st.builds(
        "{}\n{} = {}".format,
        st.sampled_from(("[project]", "[dependency-groups]", "[tool.uv]", "[project.optional-dependencies]")),
        st.sampled_from(("dependencies", "dynamic", "version", "requires-python", "dev", "package", "sources")),
        VALUES,
    ),
    max_size=3,
    unique_by=lambda each: each.split("\n")[0],
)


@given(LINES)
def test_whatever_stands_there(lines: list[str]) -> None:
    text = "\n".join(lines)
    with suppress(OutriderError):
        read_pyproject(text if "[project]" in text else f"{HEAD}{text}")
