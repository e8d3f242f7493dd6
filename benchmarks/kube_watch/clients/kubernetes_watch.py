"""The official client for Python: a watch of custom objects, each of which is kept."""

import sys
from typing import Any

from kubernetes import client, watch  # type: ignore[import-not-found]  # in an environment of its own

from benchmarks.kube_watch import samples
from benchmarks.kube_watch.meter import Meter

url, count, *authority = sys.argv[1:]
configuration = client.Configuration(host=url)
configuration.ssl_ca_cert = authority[0] if authority else None
stored: dict[str, Any] = {}

meter = Meter()
api = client.CustomObjectsApi(client.ApiClient(configuration))
kind = {"group": samples.GROUP, "version": samples.VERSION, "plural": samples.PLURAL}
version = api.list_cluster_custom_object(**kind)["metadata"]["resourceVersion"]
for event in watch.Watch().stream(api.list_cluster_custom_object, **kind, resource_version=version):
    stored[event["object"]["metadata"]["uid"]] = event["object"]
    if len(stored) == int(count):
        break
meter.tell()
