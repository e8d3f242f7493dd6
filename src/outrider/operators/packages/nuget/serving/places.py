"""Where the registry has what of a NuGet package: the addresses in its documents, and what its service index says of them.

https://learn.microsoft.com/nuget/api/service-index
"""

from typing import Any

# What has versions of SemVer 2, and what has none for clients that do not know them.
ALL, OLDER = "registrations", "registrations-semver1"
SERVICES = "nuget/v3/index.json"
_TYPES = {
    "v3/flat/": ("PackageBaseAddress/3.0.0",),
    f"v3/{OLDER}/": (
        "RegistrationsBaseUrl", "RegistrationsBaseUrl/3.0.0-beta", "RegistrationsBaseUrl/3.0.0-rc", "RegistrationsBaseUrl/3.4.0",
    ),
    f"v3/{ALL}/": ("RegistrationsBaseUrl/3.6.0", "RegistrationsBaseUrl/Versioned"),
    "v3/query": ("SearchQueryService", "SearchQueryService/3.0.0-beta", "SearchQueryService/3.0.0-rc", "SearchQueryService/3.5.0"),
    "v3/autocomplete": (
        "SearchAutocompleteService", "SearchAutocompleteService/3.0.0-beta", "SearchAutocompleteService/3.0.0-rc",
        "SearchAutocompleteService/3.5.0",
    ),
    "v2/package": ("PackagePublish/2.0.0",),
}  # fmt: skip
# Clients take what names a version of theirs, or an older one.
_SINCE = {"RegistrationsBaseUrl/Versioned": "4.3.0-alpha"}
_ADVICE, _ADVICE_TYPE = "v3/vulnerabilities/index.json", "VulnerabilityInfo/6.7.0"


def services(base: str, *, advice: bool) -> dict[str, Any]:
    """Return the service index.

    Args:
        base: The address of the registry.
        advice: Whether it knows of vulnerabilities. A client that finds no such resource says nothing of them.
    """
    types = {**_TYPES, _ADVICE: (_ADVICE_TYPE,)} if advice else _TYPES
    resources = [
        {"@id": f"{base}/nuget/{path}", "@type": one, **({"clientVersion": _SINCE[one]} if one in _SINCE else {})}
        for path, kinds in types.items()
        for one in kinds
    ]
    return {"version": "3.0.0", "resources": resources}


def index_url(base: str, name: str, kind: str = ALL) -> str:
    """Return where the registration of a package is."""
    return f"{base}/nuget/v3/{kind}/{name}/index.json"


def leaf_url(base: str, name: str, version: str, kind: str = ALL) -> str:
    """Return where what is said of a version is."""
    return f"{base}/nuget/v3/{kind}/{name}/{version.lower()}.json"


def content_base(base: str) -> str:
    """Return the address below which packages are."""
    return f"{base}/nuget/v3/flat"


def advice_url(base: str) -> str:
    """Return where the vulnerabilities are that the index of them names."""
    return f"{base}/nuget/v3/vulnerabilities/base.json"
