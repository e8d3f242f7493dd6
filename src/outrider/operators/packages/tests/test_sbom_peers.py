"""Who needs whom, in bills and as the native tools tell it, of trees drawn at random."""

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from outrider.operators.packages.locks.entries import reached
from outrider.operators.packages.locks.reading import read_lock
from outrider.operators.packages.sboms.bill import bill_of
from outrider.operators.packages.sboms.cyclonedx import cyclonedx

INSIDE = "/node_modules/"
USUAL = "registry+https://packages.example/crates.io-index"
FIELDS = ("dependencies", "optionalDependencies", "peerDependencies")
ROOT = "root"


def edges_of(name: str, text: str) -> set[tuple[str, str]]:
    lock = read_lock(name, text)
    assert lock.unreadable == ()
    document = cyclonedx(bill_of([lock], name="shop", version="1.0.0", created="2026-11-29T10:00:00Z"))
    assert "compositions" not in document
    return pairs(document)


def pairs(document: dict[str, Any]) -> set[tuple[str, str]]:
    root = document["metadata"]["component"]["bom-ref"]
    urls = {root: ROOT, **{one["bom-ref"]: one["purl"] for one in document["components"]}}
    return {(urls[one["ref"]], urls[other]) for one in document["dependencies"] for other in one.get("dependsOn", ())}


def drawn_tree(seed: int) -> dict[str, Any]:
    """Draw a lock of npm: folders within folders, each needs what it sees."""
    draw = random.Random(seed)
    names = ["a", "b", "c", "@x/d", "@x/e"]
    places: dict[str, dict[str, Any]] = {
        "": {"name": "shop", "version": "1.0.0", "dependencies": {"a": "*"}}, "node_modules/a": {"version": "0.1.0"},
    }  # fmt: skip
    for _ in range(draw.randint(4, 14)):
        place = f"{draw.choice(list(places))}{INSIDE}{draw.choice(names)}".removeprefix("/")
        # npm tells of a version at two places only what one of them needs.
        places.setdefault(place, {"version": f"{len(places)}.0.0"})
        if draw.random() < 0.2:
            places[place].setdefault("name", f"{draw.choice(names)}-real")
    for place, entry in places.items():
        for field in FIELDS:
            seen = [one for one in names if found(places, place, one) not in ("", place)]
            for name in draw.sample(seen, draw.randint(0, min(2, len(seen)))):
                if not any(name in entry.get(other, {}) for other in FIELDS):
                    there = places[found(places, place, name)]
                    wanted = f"npm:{there['name']}@*" if "name" in there else "*"
                    entry.setdefault(field, {})[name] = wanted
    return places


def found(places: dict[str, Any], place: str, name: str) -> str:
    while True:
        inside = f"{place}{INSIDE}{name}".removeprefix("/")
        if inside in places:
            return inside
        if not place:
            return ""
        place = place.rpartition("node_modules/")[0].rstrip("/")


def of_npm(folder: Path, places: dict[str, Any]) -> set[tuple[str, str]] | None:
    """Return what npm tells; nothing where it finds the tree wrong."""
    (folder / "package.json").write_text(json.dumps(places[""]))
    (folder / "package-lock.json").write_text(json.dumps({"lockfileVersion": 3, "requires": True, "packages": places}))
    command = ["npm", "sbom", "--package-lock-only", "--sbom-format", "cyclonedx", "--offline"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    return pairs(json.loads(done.stdout)) if done.returncode == 0 else None


def compared(folder: Path, seeds: range) -> int:
    told = 0
    for seed in seeds:
        places = drawn_tree(seed)
        native = of_npm(folder, places)
        if native is not None:
            told += 1
            # npm leaves out what nothing needs, with its edges.
            ours = reachable(edges_of("package-lock.json", (folder / "package-lock.json").read_text()))
            assert ours == native, seed
    return told


def reachable(edges: set[tuple[str, str]]) -> set[tuple[str, str]]:
    needs: dict[str, list[str]] = {}
    for one, other in sorted(edges):
        needs.setdefault(one, []).append(other)
    starts = reached([ROOT], needs)
    return {edge for edge in edges if edge[0] in starts}


@pytest.mark.real
@pytest.mark.timeout(120)
def test_the_edges_are_those_of_npm(tmp_path: Path) -> None:
    assert compared(tmp_path, range(20)) >= 5


@pytest.mark.real
@pytest.mark.timeout(120)
def test_the_edges_are_those_of_cargo(tmp_path: Path) -> None:
    """Crates of folders are members to a lock, so these are given a source, which changes nothing else of it."""
    for seed in range(5):
        folder = tmp_path / str(seed)
        crates = drawn_crates(folder, seed)
        command = ["cargo", "metadata", "--offline", "--format-version", "1"]
        done = subprocess.run(command, cwd=folder / "shop", capture_output=True, text=True, timeout=60, check=True)
        document = json.loads(done.stdout)
        called = {one["id"]: f"pkg:cargo/{one['name']}@{one['version']}" for one in document["packages"]}
        called[document["resolve"]["root"]] = ROOT
        native = {
            (called[one["id"]], called[other]) for one in document["resolve"]["nodes"] for other in one["dependencies"]
        }
        lines = (folder / "shop" / "Cargo.lock").read_text().split("\n")
        for at, line in enumerate(lines):
            if line.startswith("version = ") and lines[at - 1].startswith("name = ") and "shop" not in lines[at - 1]:
                lines[at] += f'\nsource = "{USUAL}"'
        assert edges_of("Cargo.lock", "\n".join(lines)) == native, (seed, crates)


def drawn_crates(folder: Path, seed: int) -> list[str]:
    """Write crates in folders, several versions of a name among them, each of which needs some of those before it."""
    draw, crates = random.Random(seed), list[tuple[str, str]]()
    for number in range(12):
        name, version = draw.choice("abcd"), f"{number + 1}.0.0"
        needs = {one[0]: one for one in draw.sample(crates, min(len(crates), 3)) if one[0] != name}
        write_crate(folder / f"{name}-{version}", name, version, needs)
        crates.append((name, version))
    write_crate(folder / "shop", "shop", "0.1.0", {f"x{at}": one for at, one in enumerate(crates)})
    return [f"{name}-{version}" for name, version in crates]


def write_crate(folder: Path, name: str, version: str, needs: dict[str, tuple[str, str]]) -> None:
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "lib.rs").touch()
    lines = [f'{alias} = {{ package = "{one}", path = "../{one}-{its}" }}' for alias, (one, its) in needs.items()]
    head = f'[package]\nname = "{name}"\nversion = "{version}"\nedition = "2021"\n[dependencies]'
    (folder / "Cargo.toml").write_text("\n".join([head, *lines, ""]))
