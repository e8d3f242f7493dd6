"""What a licence is whose text, or the beginning of it, stands where its name should."""

import re
from collections.abc import Callable

from outrider.operators.packages.licences.names import Meaning

_READ = 4000
_LINES = 3
_LONGEST_TITLE = 160
_GNU = {"affero ": "AGPL", "lesser ": "LGPL", "library ": "LGPL", "": "GPL"}
# Titles whose version stands in the line below, and sentences that no other licence has.
_PATTERNS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (
        re.compile(r"gnu (affero |lesser |library )?general public license,? version (\d(?:\.\d)?)"),
        lambda match: f"{_GNU[match[1] or '']}-{match[2] if '.' in match[2] else match[2] + '.0'}-only",
    ),
    (re.compile(r"apache license,? version 2\.0"), lambda _: "Apache-2.0"),
    (re.compile(r"mozilla public license,? version (\d\.\d)"), lambda match: f"MPL-{match[1]}"),
    (re.compile(r"eclipse public license -? ?v ?(\d\.\d)"), lambda match: f"EPL-{match[1]}"),
    (re.compile(r"boost software license -? ?version 1\.0"), lambda _: "BSL-1.0"),
    (re.compile(r"this is free and unencumbered software released into the public domain"), lambda _: "Unlicense"),
    (re.compile(r"permission to use, copy, modify, and(?:/or)? distribute this software for any purpose with or"), lambda _: "ISC"),
    (re.compile(r"permission is hereby granted, free of charge, to any person obtaining a copy of this software"), lambda _: "MIT"),
)  # fmt: skip
_BSD = "redistribution and use in source and binary forms, with or without modification, are permitted"


def meaning_of_text(text: str, name: Callable[[str], Meaning | None]) -> Meaning | None:
    """Return what a text is; None where that is not known.

    Args:
        text: Of several lines.
        name: Tells what one line means, if it is a title.
    """
    head = text[:_READ]
    lines = [line.strip(" \t=-#*") for line in head.splitlines()]
    for line in [line for line in lines if line][:_LINES]:
        found = name(line) if len(line) <= _LONGEST_TITLE else None
        # "All rights reserved" stands at the top of many a text that gives them away.
        if found is not None and not found.vague and not found.expression.startswith("LicenseRef-"):
            return found
    flat = " ".join(head.lower().split())
    for pattern, expression in _PATTERNS:
        match = pattern.search(flat)
        if match is not None:
            return Meaning(expression(match))
    if _BSD in flat:
        return Meaning(
            "BSD-3-Clause" if "neither the name" in flat else "BSD-2-Clause", "advertising materials" in flat
        )
    return None
