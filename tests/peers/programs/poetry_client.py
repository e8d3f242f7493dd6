"""Runs Poetry with another index for PyPI, of which pages (PEP 691) and metadata (PEP 658) are asked alone."""

import os
import sys
from typing import Any

from poetry.console.application import main
from poetry.inspection.info import PackageInfo
from poetry.repositories.pypi_repository import PyPiRepository

_usual = PyPiRepository.__init__


def _with_index(self: Any, *url: str, **more: Any) -> None:
    # Where no index is named, that which Poetry comes with is asked.
    root = os.environ.get("INDEX_ROOT")
    _usual(self, *((root,) if root else ()), **more)


def _told(self: Any, name: Any, version: Any) -> Any:
    page = self.get_page(name)
    info = PackageInfo(
        name=name,
        version=version.text,
        summary="",
        requires_dist=[],
        requires_python=None,
        files=[],
        yanked=page.yanked(name, version),
        cache_version=str(self.CACHE_VERSION),
    )
    return self._links_to_data(list(page.links_for_version(name, version)), info)


PyPiRepository.__init__ = _with_index
PyPiRepository._get_release_info = _told
sys.exit(main())
