from typing import Annotated, Literal

import msgspec

from outrider.core.objects import Name


class TargetRef(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """A workload that is there already: its pods get a sidecar when they are made, and nothing of it is rewritten.

    Attributes:
        name: In the namespace of the AgentType.
        container: The program's. Where it is left out, the one that `kubectl.kubernetes.io/default-container` names, or else
            the first.
        on_failure: What becomes of a pod to which no sidecar can be added: `refuse` makes none, `start` makes it without, and
            the status says so.
    """

    api_version: Literal["apps/v1"] = "apps/v1"
    kind: Literal["Deployment"] = "Deployment"
    name: Name
    container: Annotated[str, msgspec.Meta(pattern=r"^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?$")] = ""
    on_failure: Literal["refuse", "start"] = "refuse"
