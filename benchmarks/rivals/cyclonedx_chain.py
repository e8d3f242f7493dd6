"""Writes a chain of components with the library of CycloneDX, and prints the seconds of CPU; run in an environment that has it."""

import sys
import time
from itertools import pairwise

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL


def main() -> None:
    """Build the bill and write it as JSON."""
    count = int(sys.argv[1])
    began = time.process_time()
    bom = Bom()
    components = [
        Component(
            name=f"package-{number}", version="1.0", purl=PackageURL("pypi", name=f"package-{number}", version="1.0")
        )
        for number in range(count)
    ]
    for component in components:
        bom.components.add(component)
    for one, two in pairwise(components):
        bom.register_dependency(one, [two])
    make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string()
    print(time.process_time() - began)


if __name__ == "__main__":
    main()
