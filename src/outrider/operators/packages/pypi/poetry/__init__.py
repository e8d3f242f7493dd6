"""Python packages as Poetry 2.5 chooses and locks them, with Poetry's own library of requirements and markers, poetry-core.

That library puts copies of packaging and others before all else that can be imported. It does not where they are there already, so
here they come last: nothing is imported from them that is installed.
"""

import sys
from importlib.util import find_spec
from pathlib import Path


def _copies() -> str:
    spec = find_spec("poetry")
    places = (spec.submodule_search_locations or ()) if spec is not None else ()
    found = (Path(one) / "core" / "_vendor" for one in places)
    return next((one.as_posix() for one in found if one.is_dir()), "")


if (_place := _copies()) and _place not in sys.path:
    sys.path.append(_place)
