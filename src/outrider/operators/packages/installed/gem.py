"""What RubyGems has installed: the specification of each gem is a program, which is not run.

RubyGems itself reads the comment `stub` at its beginning instead (Gem::StubSpecification); older ones have assignments alone, as
`Gem::Specification#to_ruby` writes them.
"""

import re

from outrider.operators.packages.licences.installed.gem import licence_names
from outrider.operators.packages.locks.entries import Findings, UnusableEntry
from outrider.operators.packages.locks.licence_texts import licence_text

_STUB = re.compile(r"^# stub: (\S+) (\S+) \S", re.MULTILINE)
_NAME, _VERSION = (
    re.compile(rf'^ *\w+\.{field} *= *(?:Gem::Version\.new\()?(["\'])([^"\'\n]+)\1', re.MULTILINE)
    for field in ("name", "version")
)


def read(text: str, findings: Findings) -> None:
    """Take the gem that a specification is of.

    Raises:
        UnusableEntry: It does not say which, unless it is run.
    """
    stub = _STUB.search(text)
    named = (
        stub.groups()
        if stub is not None
        else [match[2] for match in (_NAME.search(text), _VERSION.search(text)) if match]
    )
    if len(named) != 2:
        raise UnusableEntry("it says its name and its version only where it is run")
    names = licence_names(text)
    findings.add(named[0], named[1], licence=licence_text(names if len(names) > 1 else "".join(names)))
