"""Says what the official validators find wrong with a bill of materials: `cyclonedx FILE` or `spdx FILE`; nothing if it is right."""

import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from spdx_tools.spdx.parser.error import SPDXParsingError
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document


def main() -> None:
    """Print one line for each fault."""
    kind, path = sys.argv[1:]
    if kind == "cyclonedx":
        fault = JsonStrictValidator(SchemaVersion.V1_7).validate_str(Path(path).read_text())
        if fault is not None:
            print(fault)
        return
    try:
        for message in validate_full_spdx_document(parse_file(path)):
            print(message.validation_message)
    except SPDXParsingError as error:
        print(*error.get_messages(), sep="\n")


if __name__ == "__main__":
    main()
