from typing import Literal

import msgspec

# Beside the program in a mesh's own container, so it must be there before our sidecar asks anybody.
_NATIVE = "sidecar.istio.io/nativeSidecar"
_EXCLUDED = "traffic.sidecar.istio.io/excludeInboundPorts"
# On which ztunnel takes what comes for a pod (HBONE).
AMBIENT_PORT = 15008


class Mesh(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """The service mesh of its pods, which the cluster must have; on a laptop there is none.

    Attributes:
        istio: `sidecar` has Istio add an Envoy to each pod, `ambient` has its node's ztunnel carry the traffic.
    """

    istio: Literal["sidecar", "ambient"]

    @property
    def labels(self) -> dict[str, str]:
        """Labels of the pods (istio.io, reference of resource labels)."""
        if self.istio == "ambient":
            return {"istio.io/dataplane-mode": "ambient"}
        return {"sidecar.istio.io/inject": "true"}

    def annotations(self, admin: int) -> dict[str, str]:
        """Return annotations of the pods (istio.io, reference of resource annotations).

        Args:
            admin: The sidecar's port for health and metrics, which who is not in the mesh reaches too.
        """
        return {} if self.istio == "ambient" else {_NATIVE: "true", _EXCLUDED: str(admin)}
