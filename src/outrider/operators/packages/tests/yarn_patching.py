"""Projects of Yarn 4 with patches of their own, drawn at random."""

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

from outrider.operators.packages.tests.npm_registry import NpmRegistry
from outrider.operators.packages.tests.test_lock_writing_npm import members
from outrider.operators.packages.tests.test_lock_writing_yarn import odd_members
from outrider.operators.packages.yarn.programs import NEWEST
from tests.peers.environments import NODE_CLIENTS, install_node

NAMES = ("alpha", "beta", "@acme/gamma", "resolve", "fsevents")
VERSIONS = ("1.0.0", "1.1.0", "1.10.0", "2.0.0-rc.1", "2.0.0", "2.0.1")
_PATHS = ("index.js", "lib/a.js", "lib/deep/b.js", "lib.js", "li\u00e9.txt", "with blank.js", "bin/run")
_RANGES = ("1.0.0", "^1", "*", "npm:1.1.0", "npm:^1", "latest", "^9")
_FOLDERS = (".yarn/patches", "patches")
_MEMBER = "packages/app"


def diff_of(
    path: str, before: str | None, after: str | None, *, mode: str = "100644", index: str = "0123abc..4567def"
) -> str:
    """Return what git finds different in one file; None stands for a file that is not there."""
    head = f"diff --git a/{path} b/{path}\n"
    head += f"new file mode {mode}\nindex {index}\n" if before is None else ""
    head += f"deleted file mode {mode}\nindex {index}\n" if after is None else ""
    head += f"index {index} {mode}\n" if before is not None and after is not None else ""
    names = ("/dev/null" if before is None else f"a/{path}", "/dev/null" if after is None else f"b/{path}")
    lines = difflib.unified_diff(_lines(before), _lines(after), *names)
    return head + "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _lines(text: str | None) -> list[str]:
    # What ends a line for Python and not for git stays within it.
    return [f"{one}\n" for one in (text or "").split("\n")[:-1]] + [
        one for one in [(text or "").split("\n")[-1]] if one
    ]


def drawn_with_patches(random: Random, registry: NpmRegistry, folder: Path, client: str) -> dict[str, Any]:
    """Draw a project with patches; some do not fit, or are none."""
    del client
    files = {name: dict(_files(random)) for name in NAMES}
    for name in NAMES:
        for version in VERSIONS:
            _have(
                random,
                registry,
                f"{name}@{version}",
                {path: _moved(random, text) for path, text in files[name].items()},
            )
    yarn = (install_node(NODE_CLIENTS) / "@yarnpkg" / "cli-dist" / "bin" / "yarn.js").read_bytes()
    registry.add(f"@yarnpkg/cli-dist@{NEWEST}", files={"bin/yarn.js": yarn})
    drawing = _Drawing(random, folder / "shop", files)
    fields: dict[str, Any] = {
        "packageManager": f"yarn@{NEWEST}",
        "private": True,
        "dependencies": {random.choice(NAMES): drawing.asked(random.choice(NAMES)) for _ in range(2)},
        "optionalDependencies": {"top": "*"},
        "resolutions": dict(drawing.resolutions()),
    }
    registry.add("top@1.0.0", " ".join(f"{random.choice(('', '?'))}{one}@^1" for one in random.sample(NAMES, 3)))
    if random.random() < 0.5:
        fields["workspaces"] = ["packages/*"]
        name = random.choice(NAMES)
        needs = {name: drawing.asked(name, _MEMBER), "top": "*"}
        own = random.choice(("app", "@acme/app"))
        members(folder, {_MEMBER: {"name": own, "version": "1.0.0", "dependencies": needs}})
    return fields


def _files(random: Random) -> Iterator[tuple[str, str]]:
    for path in random.sample(_PATHS, random.randint(2, len(_PATHS))):
        end = random.choice(("\n", "\n", "", "\r\n"))
        yield (
            path,
            "\n".join(random.choice("abcdefgh") + random.choice(("", "", " ")) for _ in range(random.randint(0, 25)))
            + end,
        )


def _moved(random: Random, text: str) -> str:
    """Return a text as it may be in another version."""
    return random.choice((text, text, text, f"first\nsecond\n{text}", f"{text}end\n", text[text.find("\n") + 1 :]))


def _have(random: Random, registry: NpmRegistry, spec: str, files: Mapping[str, str]) -> None:
    shuffled = random.sample([*files.items()], len(files))
    more: dict[str, Any] = {"os": ["darwin"]} if random.random() < 0.2 else {}
    more |= {"members": odd_members()} if random.random() < 0.1 else {}
    needs = random.choice(
        ("", "", "small@1", "!peer@*", "?small@*", f"!{random.choice(NAMES)}@*", f"?{random.choice(NAMES)}@^1")
    )
    registry.add(
        spec, needs, files={path: text.encode() for path, text in shuffled}, bin=random.choice(("index.js", {})), **more
    )
    for other in ("small@1.0.0", "small@1.1.0", "peer@1.0.0"):
        registry.add(other)


class _Drawing:
    """Draws patches, and what asks for them.

    Args:
        random: Draws.
        shop: The folder of the project.
        files: Of the packages, by name.
    """

    def __init__(self, random: Random, shop: Path, files: Mapping[str, Mapping[str, str]]) -> None:
        self._random, self._shop, self._files = random, shop, files
        self._count = 0

    def asked(self, name: str, place: str = "") -> str:
        """Draw what is asked of a name: mostly a patch, some of them of another package, or of a patch."""
        if self._random.random() < 0.15:
            return self._random.choice(_RANGES[:-1])
        other = name if self._random.random() < 0.85 else self._random.choice(NAMES)
        source = f"{other}@{self._random.choice(_RANGES if self._random.random() < 0.1 else _RANGES[:-1])}"
        if other != name and self._random.random() < 0.4:
            source = f"{name}@npm:{other}@^1"
        text = self._over(source, other, place)
        return self._over(f"{name}@{text}", other, place) if self._random.random() < 0.15 else text

    def resolutions(self) -> Iterator[tuple[str, str]]:
        """Yield resolutions as `yarn patch-commit -s` writes them, and others."""
        for name in self._random.sample(NAMES, self._random.randint(0, 2)):
            key = self._random.choice(
                (name, f"{name}@npm:^1", f"{name}@^1", f"top/{name}", f"top@npm:1.0.0/{name}@npm:^1")
            )
            yield key, self.asked(name)

    def _over(self, source: str, name: str, place: str) -> str:
        paths = [self._path(name, place) for _ in range(self._random.choice((1, 1, 1, 1, 2)))]
        if name in ("resolve", "fsevents") and self._random.random() < 0.2:
            paths.append(f"{self._random.choice(('', 'optional!'))}builtin<compat/{name}>")
        is_plain = "#" not in source and self._random.random() < 0.2
        return f"patch:{source if is_plain else _encoded(source)}#{_encoded('&'.join(paths))}"

    def _path(self, name: str, place: str) -> str:
        self._count += 1
        folder, flag = self._random.choice(_FOLDERS), "optional!" if self._random.random() < 0.5 else ""
        path = f"{folder}/{name.replace('/', '-')}-{self._count}.patch"
        (self._shop / folder).mkdir(parents=True, exist_ok=True)
        (self._shop / path).write_bytes(self._patch(name).encode())
        if self._random.random() < 0.5:
            return f"{flag}~/{path}"
        return f"{flag}{'../../' if place else self._random.choice(('', './'))}{path}"

    def _patch(self, name: str) -> str:
        files = self._files[name]
        parts = []
        changed = self._random.sample([*files], self._random.randint(1, 2))
        for path in changed:
            parts += self._changes(path, files[path])
        if self._random.random() < 0.3:
            others = (one for one in _PATHS if one not in changed)
            path = self._random.choice(("new.js", "lib/made/new.js", "lib/deep/x/y.js", *others))
            mode = self._random.choice(("100644", "100755"))
            parts.append(diff_of(path, None, self._random.choice(("", "one\n", "one\ntwo")), mode=mode))
        if self._random.random() < 0.02:
            parts.append("diff --git a/x b/y\nsimilarity index 100%\nrename from index.js\nrename to y.js\n")
        text = "".join(self._exclusive(one) for one in parts)
        ended = text if "\r" in text else text.replace("\n", "\r\n")
        return self._random.choice((text, text, text, ended, f"commit message\n{text}"))

    def _changes(self, path: str, before: str) -> list[str]:
        drawn = self._random.random()
        if drawn < 0.12:
            return [diff_of(path, before, None)]
        if drawn < 0.2:
            modes = self._random.sample(("100644", "100755"), 2)
            return [f"diff --git a/{path} b/{path}\nold mode {modes[0]}\nnew mode {modes[1]}\n"]
        lines = _lines(before)
        for _ in range(self._random.randint(1, 3)):
            at = self._random.randint(0, len(lines))
            lines[at : at + self._random.randint(0, 2)] = ["new\n"] * self._random.randint(0, 2)
        after = "".join(lines) + self._random.choice(("", "", "last"))
        if after == before:
            after += "last\n"
        text = diff_of(path, before, after, mode=self._random.choice(("100644", "100755")))
        return [text.replace("-3,", "-9,").replace("+3,", "+9,") if self._random.random() < 0.1 else text]

    def _exclusive(self, text: str) -> str:
        if self._random.random() > 0.15:
            return text
        first, rest = text.split("\n", 1)
        return f"{first}\nsemver exclusivity {self._random.choice(('^1', '>=1.1', '<1.1 || 2.x', '1.0.0', 'none'))}\n{rest}"


def _encoded(text: str) -> str:
    return quote(text, safe="!'()*-._~/@^<>&= ")
