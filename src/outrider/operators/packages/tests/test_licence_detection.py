"""Texts of licences: the protocol with a program that stands for ScanCode, and ScanCode itself."""

import json
import sys
from pathlib import Path

import pytest

from outrider.core.errors import DeadlineExceededError, ExecutionFailedError, MissingRequirementError
from outrider.operators.packages.licences import detection
from outrider.operators.packages.licences.detection import Detector
from outrider.operators.packages.licences.installed.found import Installed
from outrider.operators.packages.licences.licence_files import LARGEST, licence_files
from outrider.operators.packages.licences.normalising import Licence
from outrider.operators.packages.licences.sources import Told
from outrider.operators.packages.locks.lock import LockedPackage
from outrider.operators.packages.tests.installed_packages import written
from tests.peers.environments import LARGE, install

# Reports what the first line of each text says, and notes how it was called.
FAKE = """#!{python}
import json, pathlib, sys
arguments = sys.argv[1:]
with open({log!r}, "a") as log:
    log.write(json.dumps(arguments) + "\\n")
root, report = pathlib.Path(arguments[-1]), pathlib.Path(arguments[arguments.index("--json") + 1])
files = [{{"path": one.name, "type": "directory"}} for one in root.iterdir()]
for one in sorted(root.glob("*/LICENSE")):
    first = one.read_text().splitlines()[0]
    files.append({{"path": f"{{one.parent.name}}/LICENSE", "type": "file", "detected_license_expression_spdx": first or None}})
report.write_text(json.dumps({{"headers": [], "files": files}}))
{more}
"""

MIT = """Copyright (c) 2026 Ana

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the
"Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish,
distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to
the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY
CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE
SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def fake(folder: Path, more: str = "", content: str = FAKE) -> dict[str, str]:
    """Have a program in place of ScanCode, and return the variables with which it is found."""
    program = written(
        folder / "bin" / "scancode", content.format(python=sys.executable, log=str(folder / "log"), more=more)
    )
    program.chmod(0o755)
    return {"PATH": str(program.parent)}


def runs(folder: Path) -> list[list[str]]:
    log = folder / "log"
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def told(folder: Path, raw: str = "", name: str = "web", **files: str) -> Told:
    """Return a package with files: underscores in their names are dots."""
    for file, text in files.items():
        written(folder / name / file.replace("_", "."), text)
    package = LockedPackage(ecosystem="npm", name=name, version="1.0.0")
    return Told(package=package, licence=Licence(raw=raw), installed=Installed(Licence(raw=raw), (folder / name,)))


async def detected(folder: Path, *packages: Told, environment: dict[str, str] | None = None) -> list[Told]:
    detector = Detector(environment or fake(folder), folder / "cache", 30.0)
    return await detector.completed(packages)


async def test_texts_are_read_in_one_run(tmp_path: Path) -> None:
    one = told(tmp_path, LICENSE="MIT\n")
    two = told(tmp_path, "SEE LICENSE IN EULA.txt", "view", EULA_txt="LicenseRef-scancode-acme-eula\n", LICENSE="MIT\n")
    known = Told(
        package=LockedPackage(ecosystem="npm", name="x", version="1"), licence=Licence(raw="ISC", expression="ISC")
    )
    none = told(tmp_path, name="none", README="MIT\n")
    found = await detected(tmp_path, one, two, known, none, Told(package=none.package))
    assert [one.licence.expression for one in found] == ["MIT", "LicenseRef-scancode-acme-eula", "ISC", "", ""]
    assert [one.origin for one in found] == ["text", "text", "", "", ""]
    assert [one.licence.guessed for one in found] == [True, True, False, False, False]
    assert found[1].licence.raw == "SEE LICENSE IN EULA.txt"
    [call] = runs(tmp_path)
    assert call[:3] == ["--license", "--quiet", "--strip-root"]
    assert not Path(call[-1]).exists()


async def test_what_was_read_is_kept_by_its_content(tmp_path: Path) -> None:
    environment = fake(tmp_path)
    one, two = told(tmp_path, LICENSE="MIT\n"), told(tmp_path, name="view", COPYING="MIT\n")
    for _ in range(2):
        found = await detected(tmp_path, one, two, environment=environment)
        assert [one.licence.expression for one in found] == ["MIT", "MIT"]
    assert len(runs(tmp_path)) == 1
    # Another ScanCode may know more.
    await detected(tmp_path, one, environment=fake(tmp_path, "# newer"))
    assert len(runs(tmp_path)) == 2


@pytest.mark.parametrize(
    ("files", "expression"),
    [
        ({"LICENSE": "MIT\n", "COPYING": "Zlib\n"}, "Zlib AND MIT"),
        ({"LICENSE": "MIT OR GPL-2.0-only\n"}, "MIT OR GPL-2.0-only"),
        ({"LICENSE-MIT": "MIT\n", "LICENSE-APACHE": "Apache-2.0\n"}, "Apache-2.0 AND MIT"),
        ({"LICENSE": "MIT\n", "COPYING": "LicenseRef-scancode-unknown-license-reference\n"}, ""),
        ({"LICENSE": "MIT\n", "COPYING": "\n"}, ""),
        ({"LICENSE": "no licence\n"}, ""),
    ],
)
async def test_of_several_texts_all_count(tmp_path: Path, files: dict[str, str], expression: str) -> None:
    [found] = await detected(tmp_path, told(tmp_path, **files))
    assert found.licence.expression == expression


async def test_where_it_is_missing_that_is_an_error() -> None:
    with pytest.raises(MissingRequirementError, match="ScanCode, which is not installed") as caught:
        Detector({"PATH": "/nonexistent"}, Path("/nonexistent"), 1.0)
    assert "pipx install scancode-toolkit" in caught.value.suggestions[0]


async def test_where_it_fails_that_is_told(tmp_path: Path) -> None:
    one = told(tmp_path, LICENSE="MIT\n")
    broken = "#!{python}\nimport sys\nsys.exit('out of memory')\n"
    with pytest.raises(ExecutionFailedError, match="gave no report") as caught:
        await detected(tmp_path, one, environment=fake(tmp_path, content=broken))
    assert caught.value.found == "out of memory"
    # Single files that it could not read make it end with 1, and the others count.
    [found] = await detected(tmp_path, one, environment=fake(tmp_path, "sys.exit(1)"))
    assert found.licence.expression == "MIT"
    for report in ("{{", '{{"files": 7}}'):
        nonsense = "#!{python}\nimport sys\nopen(sys.argv[sys.argv.index('--json') + 1], 'w').write('" + report + "')\n"
        with pytest.raises(ExecutionFailedError):
            await detected(
                tmp_path, told(tmp_path, name=report, LICENSE="Zlib\n"), environment=fake(tmp_path, content=nonsense)
            )


async def test_it_is_ended_where_it_takes_too_long(tmp_path: Path) -> None:
    endless = "#!{python}\nimport threading\nthreading.Event().wait()\n"
    detector = Detector(fake(tmp_path, content=endless), tmp_path / "cache", 0.2)
    with pytest.raises(DeadlineExceededError):
        await detector.completed([told(tmp_path, LICENSE="MIT\n")])


async def test_too_many_texts_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detection, "MOST_TEXTS", 2)
    detector = Detector(fake(tmp_path), tmp_path / "cache", 30.0)
    packages = [told(tmp_path, name=name, LICENSE=f"MIT\n{name}") for name in ("a", "b", "c")]
    found = await detector.completed(packages)
    assert [one.licence.expression for one in found] == ["MIT", "MIT", ""]
    assert detector.notes == ["1 licence texts were left out: at most 2 are read at once"]


def test_files_are_found_by_their_names(tmp_path: Path) -> None:
    folder = tmp_path / "web"
    names = (
        "LICENSE",
        "LICENCE.md",
        "license-mit",
        "COPYING.LESSER",
        "UNLICENSE",
        "third-party-licenses.txt",
        "EULA.txt",
    )
    for name in (*names, "licenses.js", "LICENSE.spdx", "README", "relicensed"):
        written(folder / name, "x")
    (folder / "COPYING").write_text("")
    (folder / "LICENSE.big").write_text("x" * (LARGEST + 1))
    (folder / "LICENSE.link").symlink_to(tmp_path)
    (folder / "licenses").mkdir()
    assert [path.name for path in licence_files(told(tmp_path))] == sorted(names)
    assert licence_files(Told(package=told(tmp_path).package)) == []
    assert licence_files(told(tmp_path, name="nowhere")) == []


@pytest.mark.parametrize("name", ["../secret", "/etc/hosts", "nothing", "sub/../../secret", "a\x00b", "sub"])
def test_a_name_does_not_lead_elsewhere(tmp_path: Path, name: str) -> None:
    written(tmp_path / "secret", "x")
    written(tmp_path / "web" / "sub" / "terms.txt", "x")
    written(tmp_path / "web" / "LICENSE", "x")
    assert [path.name for path in licence_files(told(tmp_path, f"SEE LICENSE IN {name}"))] == ["LICENSE"]
    assert [path.name for path in licence_files(told(tmp_path, "SEE LICENSE IN sub\\terms.txt"))] == ["terms.txt"]


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_scancode_itself_reads_texts(tmp_path: Path) -> None:
    programs = install("scancode", LARGE["scancode"])
    apache = (Path(__file__).parents[5] / "LICENSE").read_text()
    packages = [
        told(tmp_path, name="apache", LICENSE_txt=apache),
        told(tmp_path, name="mit", LICENSE=MIT),
        told(tmp_path, name="both", **{"LICENSE-MIT": MIT, "LICENSE-APACHE": apache}),
        told(tmp_path, name="nothing", LICENSE="Eat more fruit.\n"),
    ]
    detector = Detector({"PATH": str(programs)}, tmp_path / "cache", 600.0)
    found = await detector.completed(packages)
    assert [one.licence.expression for one in found] == ["Apache-2.0", "MIT", "Apache-2.0 AND MIT", ""]
