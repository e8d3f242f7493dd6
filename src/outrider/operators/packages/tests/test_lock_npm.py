import json
from typing import Any

import pytest

from outrider.operators.packages.locks.lock import Lock
from outrider.operators.packages.locks.npm_names import real_name, source_of, split_name
from outrider.operators.packages.locks.reading import read_lock

HEXADECIMAL = "00" * 64
INTEGRITY = "sha512-" + "A" * 86 + "=="


def shown(lock: Lock) -> list[tuple[str, str, str]]:
    assert lock.unreadable == ()
    return [(one.name, one.version, one.source) for one in lock.packages]


def npm(packages: dict[str, Any]) -> Lock:
    return read_lock("package-lock.json", json.dumps({"lockfileVersion": 3, "packages": packages}))


@pytest.mark.parametrize(
    ("wanted", "source"),
    [("^1", ""), ("npm:other@^1", ""), ("latest", ""), ("git+ssh://git@packages.example/a.git", "git"), ("github:a/b", "git"),
     ("a/b#main", "git"), ("https://packages.example/a.git#abc", "git"), ("git@packages.example:a/b.git", "git"),
     ("https://packages.example/a.tgz", "url"), ("file:../a", "path"), ("../a", "path"), ("./a/b", "path"), ("/a", "path"), ("~/a", "path")],
)  # fmt: skip
def test_where_a_dependency_comes_from(wanted: str, source: str) -> None:
    assert source_of(wanted) == source


def test_names_and_aliases() -> None:
    assert split_name("@a/b@^1") == ("@a/b", "^1")
    assert split_name("@a/b") == ("@a/b", "")
    assert real_name("x", "npm:@a/b@^1") == "@a/b"
    assert real_name("x", "npm:@a/b") == "@a/b"
    assert real_name("x", "npm:^1") == real_name("x", "^1") == "x"


def test_an_address_is_one_of_a_registry_unless_somebody_asks_for_it() -> None:
    lock = npm({
        "": {"dependencies": {"far": "https://packages.example/far.tgz", "web": "^1"}},
        "node_modules/far": {"version": "1.0.0", "resolved": "https://packages.example/far.tgz"},
        "node_modules/web": {"version": "1.0.0", "resolved": "https://packages.example/download/web"},
        "node_modules/repo": {"version": "1.0.0", "resolved": "git+ssh://git@packages.example/repo.git#abc"},
        "node_modules/near": {"version": "1.0.0", "resolved": "file:near.tgz", "integrity": INTEGRITY},
    })  # fmt: skip
    assert shown(lock) == [
        ("far", "1.0.0", "url"),
        ("near", "1.0.0", "path"),
        ("repo", "1.0.0", "git"),
        ("web", "1.0.0", ""),
    ]


def test_a_package_at_two_places_is_one_and_for_development_only_if_both_are() -> None:
    lock = npm({
        "node_modules/a": {"version": "1.0.0", "dev": True, "dependencies": {"b": "1"}},
        "node_modules/x/node_modules/a": {"version": "1.0.0", "integrity": INTEGRITY, "dependencies": {"c": "npm:d@1"}},
        "node_modules/b": {"version": "2.0.0"}, "node_modules/x/node_modules/b": {"version": "3.0.0"},
        "node_modules/x/node_modules/c": {"version": "1.5.0", "name": "d", "dependencies": {"b": "3"}},
    })  # fmt: skip
    one, _, _, four = lock.packages
    assert (one.development, one.needs, one.hashes) == (False, ("b", "d"), {"sha512": (HEXADECIMAL,)})
    assert (one.needed_versions, four.needed_versions) == ({"b": ("2.0.0",), "d": ("1.5.0",)}, {"b": ("3.0.0",)})


def test_peers_that_are_not_there_are_no_needs() -> None:
    lock = npm({
        "node_modules/a": {
            "version": "1.0.0", "peerDependencies": {"b": "1", "c": "1"}, "peerDependenciesMeta": {"c": {"optional": True}},
        },
        "node_modules/b": {"version": "1.0.0"},
    })  # fmt: skip
    assert lock.packages[0].needs == ("b",)


def test_a_broken_entry_does_not_hide_the_others() -> None:
    lock = npm({
        "node_modules/a": {"version": "1.0.0"}, "node_modules/b": 7, "node_modules/c": {"version": 1},
        "node_modules/d": {"version": "1", "integrity": "sha512-xyz"}, "node_modules/e": {},
    })  # fmt: skip
    assert [one.name for one in lock.packages] == ["a", "d"]
    assert [one.partition(":")[0] for one in lock.unreadable] == [f"node_modules/{name}" for name in "bcde"]


def test_version_1_has_sources_in_versions() -> None:
    lock = read_lock(
        "npm-shrinkwrap.json",
        json.dumps({"lockfileVersion": 1, "dependencies": {
            "repo": {"version": "git+ssh://git@packages.example/repo.git#abc", "from": "repo"},
            "x": {"version": "npm:@a/b@2.0.0", "integrity": INTEGRITY, "requires": True,
                  "dependencies": {"deep": {"version": "1.0.0", "requires": {"y": "npm:z@1"}}}},
            "y": {"version": "npm:z@1.2.0"},
            "near": {"version": "file:near.tgz", "integrity": INTEGRITY},
            "linked": {"version": "file:linked"},
        }}),
    )  # fmt: skip
    assert shown(lock) == [
        ("@a/b", "2.0.0", ""),
        ("deep", "1.0.0", ""),
        ("near", "file:near.tgz", "path"),
        ("repo", "git+ssh://git@packages.example/repo.git#abc", "git"),
        ("z", "1.2.0", ""),
    ]
    assert lock.packages[1].needed_versions == {"z": ("1.2.0",)}


def test_yarn_1_has_sources_in_keys() -> None:
    lock = read_lock(
        "yarn.lock",
        f"""# yarn lockfile v1

"@a/b@^1", "@a/b@^1.2":
  version "1.2.0"
  resolved "https://packages.example/b.tgz#{"1" * 40}"
  optionalDependencies:
    c "npm:d@^1"

repo@a/repo#main:
  version "1.0.0"
  resolved "https://packages.example/repo/tar.gz/{"2" * 40}#{"2" * 40}"
""",
    )
    assert shown(lock) == [("@a/b", "1.2.0", ""), ("repo", "1.0.0", "git")]
    assert lock.packages[0].hashes == {"sha1": ("1" * 40,)}
    assert lock.packages[0].needs == ("d",)
    assert lock.packages[1].hashes == {}


def test_keys_of_old_pnpm_with_peers_hosts_and_repositories() -> None:
    lock = read_lock(
        "pnpm-lock.yaml",
        """lockfileVersion: 5.4
packages:
  /@a/b/1.0.0_react@18.0.0:
    resolution: {integrity: sha1-AAAAAAAAAAAAAAAAAAAAAAAAAAA=}
    dependencies: {c: 2.0.0_react@18.0.0, x: /d/3.0.0}
  /d/3.0.0:
    resolution: {integrity: sha1-AAAAAAAAAAAAAAAAAAAAAAAAAAA=}
  packages.example/c/2.0.0_react@18.0.0:
    resolution: {integrity: sha1-AAAAAAAAAAAAAAAAAAAAAAAAAAA=}
  packages.example/owner/repo/abc:
    resolution: {type: git, repo: x, commit: abc}
    name: repo
    version: 1.10
  '@packages.example/owner/far/tar.gz/abc':
    resolution: {tarball: x}
    name: far
    version: 1.0.0
  file:../deep/near:
    resolution: {directory: ../deep/near, type: directory}
    name: near
""",
    )
    assert shown(lock) == [
        ("@a/b", "1.0.0", ""), ("c", "2.0.0", ""), ("d", "3.0.0", ""), ("far", "1.0.0", "url"), ("near", "file:../deep/near", "path"), ("repo", "1.10", "git"),
    ]  # fmt: skip
    assert lock.packages[0].needs == ("c", "d")


def test_keys_of_new_pnpm_with_peers_and_addresses() -> None:
    lock = read_lock(
        "pnpm-lock.yaml",
        """lockfileVersion: '9.0'
importers:
  .:
    dependencies:
      '@a/b': {specifier: ^1, version: 1.0.0(react@18.0.0)}
packages:
  '@a/b@1.0.0':
    resolution: {integrity: sha1-AAAAAAAAAAAAAAAAAAAAAAAAAAA=}
  far@https://packages.example/owner/far/tar.gz/abc:
    resolution: {tarball: x}
    version: 1.0.0
  repo@git+https://packages.example/repo.git#abc:
    resolution: {type: git, repo: x, commit: abc}
    version: 1.0.0
snapshots:
  '@a/b@1.0.0(react@18.0.0)':
    dependencies: {far: https://packages.example/owner/far/tar.gz/abc, gone: link:../gone}
  far@https://packages.example/owner/far/tar.gz/abc: {}
  repo@git+https://packages.example/repo.git#abc: {}
""",
    )
    assert shown(lock) == [("@a/b", "1.0.0", ""), ("far", "1.0.0", "url"), ("repo", "1.0.0", "git")]
    assert [one.development for one in lock.packages] == [False, False, True]
    assert lock.packages[0].needs == ("far",)


def test_bun_has_repositories_and_comments() -> None:
    lock = read_lock(
        "bun.lock",
        """{
  // written by hand
  "packages": {
    "repo": ["repo@github:owner/repo#abc", {}, "sha-owner-repo-abc"],
    "a,]b": ["a,]b@1.0.0", "", { "peerDependencies": { "c": "1", "d": "1", }, "optionalPeers": ["d",], }, ""],
    "a,]b/c": ["c@1.0.0", "", {}, ""],
    "c": ["c@2.0.0", "", {}, ""],
    "d": ["d@1.0.0", "", {}, ""],
    "near": ["near@link:near"],
  },
}""",
    )
    assert shown(lock) == [
        ("a,]b", "1.0.0", ""), ("c", "1.0.0", ""), ("c", "2.0.0", ""), ("d", "1.0.0", ""), ("repo", "github:owner/repo#abc", "git")
    ]  # fmt: skip
    assert lock.packages[0].needed_versions == {"c": ("1.0.0",)}
