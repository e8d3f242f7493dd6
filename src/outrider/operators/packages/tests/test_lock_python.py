import pytest

from outrider.operators.packages.locks.lock import Lock, LockedPackage
from outrider.operators.packages.locks.reading import read_lock

DIGITS = "a" * 64


def pins(text: str) -> tuple[dict[str, str], tuple[str, ...]]:
    lock = read_lock("requirements.txt", text)
    return {one.name: one.version for one in lock.packages}, lock.unreadable


def only(lock: Lock) -> LockedPackage:
    assert lock.unreadable == ()
    (one,) = lock.packages
    return one


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("web==1.0", "1.0"),
        ("web == 1.0 # why", "1.0"),
        ("web[extra, other]==1.0 ; python_version < '4'", "1.0"),
        ("web (==1.0)", "1.0"),
        ("web===1.0+local", "1.0+local"),
        ("web==1!1.0.post1", "1!1.0.post1"),
        ("web==1.0 \\\n    --hash=sha256:" + DIGITS, "1.0"),
        ("web\\\n==1.0", "1.0"),
        ("web==1.0 --config-settings a=b", "1.0"),
    ],
)
def test_a_pin_is_read_in_every_form(line: str, version: str) -> None:
    assert pins(line) == ({"web": version}, ())


@pytest.mark.parametrize(
    "line",
    ["web", "web>=1", "web==1.*", "web==1.0,<2", "web==1.0,==1.0", "web~=1.0", "./web", "web @ https://packages.example/web.whl",
     "https://packages.example/web.whl", "-r other.txt", "-rother.txt", "--requirement=other.txt", "-e .", "web(==1", "==1.0"],
)  # fmt: skip
def test_what_is_no_pin_is_reported_with_its_line(line: str) -> None:
    found, reported = pins(f"a==1\n{line}\nb==2\n")
    assert found == {"a": "1", "b": "2"}
    assert len(reported) == 1
    assert reported[0].startswith("line 2: ")


@pytest.mark.parametrize(
    "line", ["", "# web", "  # web==1 \\", "--index-url https://packages.example", "-c constraints.txt", "--pre"]
)
def test_comments_and_options_say_nothing(line: str) -> None:
    assert pins(f"{line}\na==1") == ({"a": "1"}, ())


def test_a_comment_ends_what_a_backslash_joins() -> None:
    assert pins("a==1 \\\n# why\nb==2") == ({"a": "1", "b": "2"}, ())


def test_names_are_those_of_the_index() -> None:
    assert pins("Django_Rest.Framework==1") == ({"django-rest-framework": "1"}, ())


def test_a_hash_that_is_none_is_reported() -> None:
    assert pins("a==1 --hash=sha256:abc\nb==2")[0] == {"a": "1", "b": "2"}


def test_old_files_of_poetry_have_hashes_at_the_end() -> None:
    lock = read_lock(
        "poetry.lock",
        f"""
[[package]]
name = "Web.One"
version = "1.0"
category = "dev"
[package.dependencies]
Other_One = {{version = ">=1", optional = true}}
[package.source]
type = "git"
[metadata.files]
"Web.One" = [{{file = "a.whl", hash = "sha256:{DIGITS}"}}]
""",
    )
    assert only(lock) == LockedPackage(
        ecosystem="pypi", name="web-one", version="1.0", hashes={"sha256": (DIGITS,)}, needs=("other-one",),
        development=True, source="git",
    )  # fmt: skip


@pytest.mark.parametrize("files", ["package", "metadata"])
def test_pdm_has_groups_and_extras_of_a_package_apart(files: str) -> None:
    at_package = f'files = [{{file = "a.whl", hash = "sha256:{DIGITS}"}}]' if files == "package" else ""
    at_end = f'"web 1.0" = [{{file = "a.whl", hash = "sha256:{DIGITS}"}}]' if files == "metadata" else ""
    lock = read_lock(
        "pdm.lock",
        f"""
[metadata]
lock_version = "4.5.0"
[[package]]
name = "web"
version = "1.0"
groups = ["dev"]
dependencies = ["Other_One>=1", "third; python_version < '3'"]
{at_package}
[[package]]
name = "web"
version = "1.0"
extras = ["fast"]
groups = ["default"]
dependencies = ["web==1.0"]
[[package]]
name = "near"
version = "2"
path = "./near"
groups = ["test"]
[metadata.files]
{at_end}
""",
    )
    near, web = lock.packages
    assert (near.source, near.development) == ("path", True)
    assert (web.development, web.needs, web.hashes) == (False, ("other-one", "third", "web"), {"sha256": (DIGITS,)})


def test_members_and_the_project_are_no_packages_of_uv() -> None:
    lock = read_lock(
        "uv.lock",
        """
[manifest]
members = ["app", "inner"]
[[package]]
name = "app"
version = "1"
source = { virtual = "." }
dependencies = [{ name = "web" }, { name = "inner" }]
[package.dev-dependencies]
dev = [{ name = "checker" }, { name = "web" }]
[[package]]
name = "inner"
version = "1"
source = { editable = "inner" }
[package.optional-dependencies]
fast = [{ name = "quick" }]
[[package]]
name = "checker"
version = "1"
source = { git = "https://packages.example/checker#abc" }
dependencies = [{ name = "deep" }]
[[package]]
name = "deep"
version = "1"
source = { registry = "https://packages.example" }
[[package]]
name = "quick"
version = "1"
source = { url = "https://packages.example/quick.whl" }
[[package]]
name = "web"
version = "1"
source = { editable = "../web" }
[[package]]
name = "changing"
source = { directory = "changing" }
""",
    )
    found = {one.name: (one.source, one.development) for one in lock.packages}
    assert found == {"checker": ("git", True), "deep": ("", True), "quick": ("url", False), "web": ("path", False)}
    assert lock.unreadable == ()


def test_pylock_tells_sources() -> None:
    lock = read_lock(
        "pylock.dev.toml",
        f"""
lock-version = "1.0"
packages = [
  {{name = "app", directory = {{path = "."}}}},
  {{name = "far", version = "1", vcs = {{type = "git", url = "x", commit-id = "abc"}}}},
  {{name = "file", version = "1", archive = {{url = "x", hashes = {{sha256 = "{DIGITS}", md5 = "{"b" * 32}"}}}}}},
  {{name = "near", version = "1", archive = {{path = "x"}}}},
  {{name = "web", version = "1", dependencies = [{{name = "File"}}]}},
]
""",
    )
    assert [(one.name, one.source) for one in lock.packages] == [
        ("far", "git"),
        ("file", "url"),
        ("near", "path"),
        ("web", ""),
    ]
    assert lock.packages[1].hashes == {"md5": ("b" * 32,), "sha256": (DIGITS,)}
    assert lock.packages[3].needs == ("file",)


def test_pipenv_has_the_commit_of_what_is_from_a_repository() -> None:
    lock = read_lock(
        "Pipfile.lock",
        '{"_meta": {}, "default": {"web": {"git": "x", "ref": "abc"}}, "develop": {"web": {"git": "x", "ref": "abc"}}}',
    )
    assert only(lock) == LockedPackage(ecosystem="pypi", name="web", version="abc", source="git")
