import re
from pathlib import Path

import pytest

from outrider.core.errors import InvalidConfigError, LimitedError, NotFoundError, UnsupportedError
from outrider.operators.packages.locks import documents, reading
from outrider.operators.packages.locks.files import read_locks
from outrider.operators.packages.locks.reading import lock_files, read_lock
from outrider.operators.packages.locks.writing.files import read_text
from outrider.operators.packages.vex.reading import read_statements
from outrider.operators.packages.whole_files import read_bounded


@pytest.mark.parametrize(
    ("name", "text", "form"),
    [
        ("some/folder/requirements.txt", "#", "requirements.txt"),
        ("requirements-dev.txt", "#", "requirements.txt"),
        ("dev-requirements.txt", "#", "requirements.txt"),
        ("requirements/test.txt", "#", "requirements.txt"),
        ("test.txt", "# made by a tool\n\nweb[fast]==1", "requirements.txt"),
        ("requirements.txt", "\n# list\npkg:npm/a@1", "package URLs"),
        ("list.txt", "pkg:npm/a@1", "package URLs"),
        ("list.purl", "", "package URLs"),
        ("yarn.lock", "__metadata:\n  version: 8\n", "yarn.lock"),
        ("yarn.lock", "# yarn lockfile v1\n", "yarn.lock"),
        ("packages.App.config", "<packages/>", "packages.config"),
        ("App.vbproj", "<Project/>", "csproj"),
        ("any.json", '{"a": 1, "bomFormat" : "CycloneDX"}', "CycloneDX"),
        ("bom.json", '{"spdxVersion": "SPDX-2.3"}', "SPDX"),
        ("package-lock.json", '{"lockfileVersion": 3, "packages": {"": {"bomFormat": "x"}}}', "package-lock.json"),
        ("poetry.lock", "\ufeff[metadata]", "poetry.lock"),
    ],
)
def test_the_reader_is_picked_by_name_and_content(name: str, text: str, form: str) -> None:
    lock = read_lock(name, text)
    assert lock.form == form
    assert lock.unreadable == ()


@pytest.mark.parametrize("name", ["package.json", "any.txt", "other.lock", "", "/", "requirements.in"])
def test_other_files_are_refused_with_the_formats_that_are_read(name: str) -> None:
    with pytest.raises(UnsupportedError) as raised:
        read_lock(name, "x")
    assert "uv.lock, poetry.lock" in raised.value.expected


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("package-lock.json", '{\n"a": x}', "in line 2"),
        ("package-lock.json", "[]", "list at the top"),
        ("package-lock.json", '{"packages": []}', "packages: list"),
        ("package-lock.json", "[" * 100_000, "nested too deeply"),
        ("composer.lock", '{"packages": {}}', "packages: dict"),
        ("uv.lock", "a = 1\nb = x", "line 2"),
        ("uv.lock", "a = " + "[" * 100_000, "nested too deeply"),
        ("uv.lock", "a = " + "9" * 5000, "digits"),
        ("uv.lock", "\n" + "a." * 5000 + "a = 1", "more than 100 parts in line 2"),
        ("uv.lock", "package = 1", "package: int"),
        ("pnpm-lock.yaml", "a: b\nc: [", "line 3"),
        ("pnpm-lock.yaml", "a: &x [1]\nb: *x", "an alias in line 2"),
        ("pnpm-lock.yaml", "a: " + "[" * 100_000, "nesting deeper"),
        ("pnpm-lock.yaml", "- " * 100_000, "nesting deeper"),
        ("pnpm-lock.yaml", "a: 1\n---\n[b]", "list at the top"),
        ("pnpm-lock.yaml", "[a]: 1", "a key that is no text in line 1"),
        ("pnpm-lock.yaml", "\u00e9: 1\na: \x00", "in line 2"),
        ("pnpm-lock.yaml", "a", "str at the top"),
        ("yarn.lock", "  version 1", "line 1 belongs to no package"),
        ("pom.xml", "<project>\n<a></project>", "line 2"),
        ("pom.xml", "<a>" * 100_000, "nested too deeply"),
        ("pom.xml", '<!DOCTYPE p [<!ENTITY a "b">]><project>&a;</project>', "a DOCTYPE"),
        ("pom.xml", "<other/>", "<other> at the top"),
        ("App.csproj", "<other/>", "<other> at the top"),
        ("packages.config", "<other/>", "<other> at the top"),
        ("Gemfile.lock", "a\n\ud800", "a lone surrogate in line 2"),
    ],
)
def test_what_is_of_no_format_is_refused_with_its_place(name: str, text: str, found: str) -> None:
    with pytest.raises(InvalidConfigError) as raised:
        read_lock(name, text)
    assert found in raised.value.found
    assert raised.value.expected
    assert raised.value.suggestions


def test_what_people_write_is_to_be_corrected() -> None:
    for name, remedy in (
        ("package.json", "correct it there"),
        ("package-lock.json", "have its own tool write it anew"),
    ):
        with pytest.raises(InvalidConfigError, match=f"^{name}: it cannot be read: .* in line 2") as raised:
            documents.read_json(name, '{\n"a": x}')
        assert raised.value.suggestions == [remedy]


def test_a_file_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_SIZE", 10)
    with pytest.raises(InvalidConfigError, match="11 characters"):
        read_lock("uv.lock", "#" * 11)


def test_reports_are_bounded_and_said_once() -> None:
    lock = read_lock("requirements.txt", "\n".join(f"web>={number}" for number in range(3000)))
    assert len(lock.unreadable) == 1001
    assert lock.unreadable[-1] == "2000 more"


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")


def test_lock_files_of_a_project_and_not_of_what_it_contains(tmp_path: Path) -> None:
    make(tmp_path, "uv.lock", "requirements.txt", "web/package-lock.json", "web/yarn.lock", "web/package.json", "api/requirements.txt", "api/requirements/test.txt",
         "node_modules/a/package-lock.json", "vendor/composer.lock", ".venv/uv.lock", ".git/uv.lock", "net/App.csproj",
         "net/packages.lock.json", "lib/Lib.csproj", "java/pom.xml", "bom.json", "a/b/c/d/e/f/g/h/uv.lock", "a/b/c/d/e/f/g/h/i/uv.lock")  # fmt: skip
    (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
    assert [one.relative_to(tmp_path).as_posix() for one in lock_files(tmp_path)] == [
        "a/b/c/d/e/f/g/h/uv.lock", "api/requirements/test.txt", "api/requirements.txt", "java/pom.xml", "lib/Lib.csproj", "net/packages.lock.json", "uv.lock",
        "web/package-lock.json", "web/yarn.lock",
    ]  # fmt: skip


def test_a_folder_with_too_much_or_none_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "a/uv.lock", "b/uv.lock")
    with pytest.raises(NotFoundError):
        lock_files(tmp_path / "none")
    monkeypatch.setattr(reading, "MAX_FILES", 1)
    with pytest.raises(LimitedError):
        lock_files(tmp_path)


def test_what_never_ends_is_too_large(tmp_path: Path) -> None:
    for read in (read_locks, read_text, lambda path: read_bounded(path, 1000)):
        with pytest.raises(InvalidConfigError, match="/dev/zero: it is too large"):
            read(Path("/dev/zero"))
    with pytest.raises(InvalidConfigError, match="too large"):
        read_statements(["/dev/zero"])
    (tmp_path / "a").write_bytes(b"x" * 1000)
    assert read_bounded(tmp_path / "a", 1000) == b"x" * 1000
    with pytest.raises(InvalidConfigError, match="too large"):
        read_bounded(tmp_path / "a", 999)


EMPTY = (
    "uv.lock", "poetry.lock", "pdm.lock", "Cargo.lock", "yarn.lock", "pnpm-lock.yaml", "Gemfile.lock", "pylock.toml", "gradle.lockfile",
)  # fmt: skip
BARE = ("package-lock.json", "composer.lock", "Pipfile.lock", "bun.lock", "packages.lock.json")
FOREIGN = ("package-lock.json", '{"lockfileVersion": 99, "packages": {}}'), ("pom.xml", "<project/>")


@pytest.mark.parametrize(("name", "text"), [*((one, "") for one in EMPTY), *((one, "{}") for one in BARE), *FOREIGN])
def test_what_has_nothing_of_its_format_is_no_lock_of_nothing(name: str, text: str) -> None:
    with pytest.raises(InvalidConfigError, match=f"^{name}: it cannot be read: there is .*nothing|packages nor"):
        read_lock(name, text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("uv.lock", 'version = 1\nrequires-python = ">=3.12"\n'),
        ("poetry.lock", '# made by Poetry\npackage = []\n\n[metadata]\nlock-version = "2.1"\n'),
        ("Cargo.lock", 'version = 4\n\n[[package]]\nname = "shop"\nversion = "0.1.0"\n'),
        ("yarn.lock", '# made by Yarn\n\n__metadata:\n  version: 8\n\n"shop@workspace:.":\n  version: 0.0.0-use.local\n  resolution: "shop@workspace:."\n  linkType: soft\n'),
        ("pnpm-lock.yaml", "lockfileVersion: '9.0'\n\nimporters:\n\n  .: {}\n"),
        ("Gemfile.lock", "GEM\n  specs:\n\nPLATFORMS\n  ruby\n\nDEPENDENCIES\n\nBUNDLED WITH\n   2.6.7\n"),
        ("pylock.toml", 'lock-version = "1.0"\npackages = []\n'),
        ("gradle.lockfile", "empty=compileClasspath\n"),
        ("package-lock.json", '{"name": "shop", "lockfileVersion": 3, "packages": {"": {"name": "shop"}}}'),
        ("composer.lock", '{"content-hash": "a", "packages": [], "packages-dev": []}'),
        ("Pipfile.lock", '{"_meta": {"pipfile-spec": 6}, "default": {}, "develop": {}}'),
        ("bun.lock", '{\n  "lockfileVersion": 1,\n  "workspaces": {"": {"name": "shop"}},\n  "packages": {},\n}\n'),
        ("packages.lock.json", '{"version": 1, "dependencies": {"net8.0": {}}}'),
    ],
)  # fmt: skip
def test_a_lock_of_nothing_is_one(name: str, text: str) -> None:
    lock = read_lock(name, text)
    assert (lock.packages, lock.unreadable, lock.is_unknown) == ((), (), False)


def test_an_empty_file_of_requirements_names_nothing() -> None:
    assert read_lock("requirements.txt", "\n").is_unknown
    assert not read_lock("requirements.txt", "# made by pip-compile\n").is_unknown


YARN = (
    '# yarn lockfile v1\n\n\na@^1:\n  version "1.0.0"\n  resolved "https://r/a.tgz"\n  dependencies:\n    b "^2.0.0"\n'
)
BERRY = '__metadata:\n  version: 8\n\n"a@npm:^1":\n  version: 1.0.0\n  resolution: "a@npm:1.0.0"\n  languageName: node\n  linkType: hard\n'


@pytest.mark.parametrize("text", [YARN, BERRY])
def test_a_lock_of_yarn_that_is_cut_off_is_refused(text: str) -> None:
    assert [one.name for one in read_lock("yarn.lock", text).packages] == ["a"]
    for end in range(text.index("a@") + 1, len(text)):
        # Lines of Yarn 1 behind the version are whole by themselves, and so is what lacks the last end of a line.
        if not re.search(r'(version "1.0.0"|a.tgz"|dependencies:)(\n *)?$|b "\^2.0.0"$|hard$', text[:end]):
            with pytest.raises(InvalidConfigError, match=r"yarn\.lock: it cannot be read"):
                read_lock("yarn.lock", text[:end])


CRATE = '[[package]]\nname = "{}"\nversion = "{}"\n{}\n'
SNAPSHOTS = (
    "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      a: {specifier: ^1, version: 1.0.0(c@1.0.0)}\n"
)
PNPM = (
    SNAPSHOTS + "packages:\n  a@1.0.0: {}\n  c@1.0.0: {}\nsnapshots:\n  a@1.0.0(c@1.0.0): {dependencies: {c: 1.0.0}}\n"
)
LACKING = [
    ("Cargo.lock", "version = 4\n" + CRATE.format("shop", "0.1.0", 'dependencies = ["a"]'), "a, which shop needs"),
    ("Cargo.lock", "version = 4\n" + CRATE.format("a", "1.0.0", 'dependencies = ["b 2.0.0"]') + CRATE.format("b", "1.0.0", ""), "b 2.0.0, which a needs"),
    ("uv.lock", "version = 1\n" + CRATE.format("a", "1.0.0", 'dependencies = [{name = "b"}]'), "b, which a needs"),
    ("uv.lock", "version = 1\n" + CRATE.format("a", "1.0.0", 'source = {virtual = "."}\n[package.dev-dependencies]\ndev = [{name = "b"}]'), "b, which a needs"),
    ("poetry.lock", CRATE.format("a", "1.0.0", '[package.dependencies]\nb = ">=1"') + "[metadata]\n", "b, which a needs"),
    ("pylock.toml", 'lock-version = "1.0"\n[[packages]]\nname = "a"\nversion = "1"\ndependencies = [{name = "b"}]\n', "b, which a needs"),
    ("package-lock.json", '{"lockfileVersion": 3, "packages": {"": {"dependencies": {"a": "^1"}}}}', "a, which the project needs"),
    ("package-lock.json", '{"lockfileVersion": 3, "packages": {"": {"devDependencies": {"a": "^1"}}}}', "a, which the project needs"),
    ("package-lock.json", '{"lockfileVersion": 3, "packages": {"node_modules/a": {"version": "1.0.0", "dependencies": {"b": "1"}}}}', "b, which a needs"),
    ("pnpm-lock.yaml", SNAPSHOTS, "a 1.0.0, which the project needs"),
    ("pnpm-lock.yaml", PNPM, "c 1.0.0, which a@1.0.0 needs"),
    ("pnpm-lock.yaml", "lockfileVersion: 5.4\ndependencies:\n  a: 1.0.0_c@1.0.0\n", "a 1.0.0_c@1.0.0, which the project needs"),
    ("pnpm-lock.yaml", "lockfileVersion: '6.0'\npackages:\n  /a@1.0.0:\n    dependencies: {b: 1.0.0(c@1.0.0)}\n", "b 1.0.0, which /a@1.0.0 needs"),
    ("yarn.lock", BERRY + '  dependencies:\n    b: "npm:^1"\n', "b, which a needs"),
    ("bun.lock", '{"lockfileVersion": 1, "workspaces": {"": {"dependencies": {"a": "^1"}}}, "packages": {}}', "a, which the project needs"),
    ("bun.lock", '{"lockfileVersion": 1, "packages": {"a": ["a@1.0.0", "", {"dependencies": {"b": "1"}}]}}', "b, which a needs"),
    ("Gemfile.lock", "GEM\n  specs:\n    a (1)\n      b (>= 1)\n      bundler\n", "b, which a needs"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "said"), LACKING)
def test_what_others_need_and_has_no_entry_is_told(name: str, text: str, said: str) -> None:
    lock = read_lock(name, text)
    assert lock.unreadable == (f"{said}, is not in it",)
    assert lock.lacking == 1
    assert lock.left_open.startswith(("it has no entry for 1 package", "none of its packages"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("poetry.lock", CRATE.format("a", "1.0.0", '[package.dependencies]\nb = {version = "1", markers = "os_name == \'nt\'"}\nc = {version = "1", optional = true}') + "[metadata]\n"),
        ("package-lock.json", '{"lockfileVersion": 3, "packages": {"": {"dependencies": {"b": "1"}, "optionalDependencies": {"b": "1"}, "peerDependencies": {"c": "1"}}}}'),
        ("package-lock.json", '{"lockfileVersion": 3, "packages": {"node_modules/a": {"version": "1.0.0", "dependencies": {"b": "1"}, "bundleDependencies": ["b"]}}}'),
        ("package-lock.json", '{"lockfileVersion": 3, "packages": {"node_modules/a": {"version": "1.0.0", "optional": true, "dependencies": {"b": "1"}}}}'),
        ("package-lock.json", '{"lockfileVersion": 3, "packages": {"../a": {"version": "1.0.0", "dependencies": {"b": "1"}}}}'),
        ("pnpm-lock.yaml", "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      a: {specifier: 'workspace:*', version: link:a}\n    optionalDependencies:\n      b: {specifier: ^1, version: 1.0.0}\n"),
        ("yarn.lock", BERRY + '  dependencies:\n    b: "npm:^1"\n  dependenciesMeta:\n    b:\n      optional: true\n'),
        ("yarn.lock", YARN),
        ("bun.lock", '{"lockfileVersion": 1, "workspaces": {"": {"optionalDependencies": {"a": "^1"}, "peerDependencies": {"b": "1"}}}, "packages": {}}'),
    ],
)  # fmt: skip
def test_what_may_be_left_out_of_a_lock_is_not_missed(name: str, text: str) -> None:
    lock = read_lock(name, text)
    assert (lock.unreadable, lock.lacking, lock.left_open) == ((), 0, "")


def test_a_lock_of_poetry_without_its_end_is_refused() -> None:
    with pytest.raises(InvalidConfigError, match=r"poetry\.lock: it cannot be read: there is no \[metadata\] in it"):
        read_lock("poetry.lock", CRATE.format("a", "1.0.0", ""))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("yarn.lock", YARN),
        ("uv.lock", "version = 1\n"),
        ("Gemfile.lock", "DEPENDENCIES\n"),
        ("requirements.txt", "web==1\n"),
    ],
)
def test_a_conflict_of_a_merge_is_refused(name: str, text: str) -> None:
    with pytest.raises(InvalidConfigError, match=f"{name}: it cannot be read: a conflict of a merge in line 1"):
        read_lock(name, f"<<<<<<< HEAD\n{text}=======\n{text}>>>>>>> other\n")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Cargo.lock", "version = 5\n" + CRATE.format("shop", "1", "")),
        ("uv.lock", "version = 9\nrevision = 1\n" + CRATE.format("a", "1", "")),
        ("poetry.lock", CRATE.format("a", "1", "") + '[metadata]\nlock-version = "9.0"\n'),
        ("pdm.lock", '[metadata]\nlock_version = "9.0"\n' + CRATE.format("a", "1", "")),
        ("pylock.toml", 'lock-version = "9.0"\n[[packages]]\nname = "a"\nversion = "1"\n'),
        ("pnpm-lock.yaml", "lockfileVersion: '19.0'\n"),
        ("yarn.lock", BERRY.replace("version: 8", "version: 99")),
        ("package-lock.json", '{"lockfileVersion": 9, "packages": {"node_modules/a": {"version": "1.0.0"}}}'),
        ("npm-shrinkwrap.json", '{"lockfileVersion": 9, "packages": {"node_modules/a": {"version": "1.0.0"}}}'),
        ("bun.lock", '{"lockfileVersion": 9, "packages": {"a": ["a@1.0.0"]}}'),
        ("packages.lock.json", '{"version": 9, "a": {"dependencies": {"b": {"type": "Direct", "resolved": "1.0.0"}}}}'),
        ("Pipfile.lock", '{"_meta": {"pipfile-spec": 99}, "default": {"a": {"version": "==1"}}}'),
    ],
)  # fmt: skip
def test_a_version_of_a_format_that_is_not_known_is_told(name: str, text: str) -> None:
    assert re.match(r"its version (5|9|19|99) is not known here", read_lock(name, text).left_open)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("requirements.txt", "web==1.23 --hash=sha256:aa\n"),
        ("uv.lock", 'version = 1\n[[package]]\nname = "web"\nversion = "1.23"\nsdist = {hash = "sha256:aa"}\n'),
        ("yarn.lock", '# yarn lockfile v1\nweb@1:\n  version "1.23"\n  integrity sha512-a\n'),
        ("package-lock.json", '{"lockfileVersion": 3, "packages": {"node_modules/web": {"version": "1.23", "integrity": "sha512-a"}}}'),
    ],
)  # fmt: skip
def test_a_package_with_a_broken_hash_is_there(name: str, text: str) -> None:
    lock = read_lock(name, text)
    assert [(one.name, one.version, one.hashes) for one in lock.packages] == [("web", "1.23", {})]
    assert len(lock.unreadable) == 1
    assert lock.unreadable[0].endswith(("is no hash", "is no base64"))
