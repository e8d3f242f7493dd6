"""Service accounts of the real cluster for tests: made, given roles, and asking with their own token."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import yaml

from outrider.operators.kubernetes.bindings import bind
from outrider.operators.kubernetes.reviews import may
from outrider.operators.kubernetes.rules import read_rule, single_rights
from outrider.operators.kubernetes.subjects import identity_of, subject_of
from outrider.operators.kubernetes.tests.calls import Shop
from outrider.ports.kube.answers import Access
from outrider.ports.kube.kubeconfig import Target, User
from outrider.ports.kube.resources import ROLE_BINDINGS, ROLES, SERVICE_ACCOUNTS

_TOKEN_REQUEST = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}


async def account(shop: Shop, name: str, *rules: dict[str, list[str]]) -> str:
    """Have a service account with these rules in the shop, and return it as a subject."""
    await shop.make(SERVICE_ACCOUNTS, {"metadata": {"name": name}})
    word = f"serviceaccount/{shop.namespace}/{name}"
    if rules:
        await shop.make(ROLES, {"metadata": {"name": name}, "rules": list(rules)})
        await shop.make(ROLE_BINDINGS, bind(name, shop.namespace, f"role/{name}", [subject_of(word)]))
        right = next(single_rights(read_rule(rules[0])))
        await becomes(shop, msgspec.structs.replace(right, namespace=shop.namespace), word, allowed=True)
    return word


async def becomes(shop: Shop, access: Access, subject: str, *, allowed: bool) -> None:
    """Wait until the API server allows something, or no longer does: it hears of changed roles a moment later."""
    for _ in range(100):
        verdict = await may(shop.client, access, identity_of(subject_of(subject), []))
        if verdict.allowed is allowed:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{subject}: {access} is not {'allowed' if allowed else 'refused'}")


def rule(verbs: str, resources: str, *names: str, group: str = "") -> dict[str, list[str]]:
    """Return a rule: verbs and resources with spaces between them."""
    found = {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split()}
    return {**found, "resourceNames": list(names)} if names else found


async def target_of(shop: Shop, name: str) -> Target:
    """Return the cluster as a service account reaches it."""
    made = await shop.client.create(SERVICE_ACCOUNTS, _TOKEN_REQUEST, shop.namespace, part="token", name=name)
    token = made.object["status"]["token"]
    return msgspec.structs.replace(shop.cluster.target(), user=User(token=token))


@contextmanager
def acting_as(target: Target, folder: Path) -> Iterator[None]:
    """Have operations reach the cluster as somebody else."""
    config: dict[str, Any] = {
        "clusters": [{"name": "x", "cluster": msgspec.to_builtins(target.cluster)}],
        "users": [{"name": "x", "user": {"token": target.user.token}}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
        "current-context": "x",
    }
    file = folder / "kubeconfig"
    file.write_text(yaml.safe_dump(config))
    before = os.environ["KUBECONFIG"]
    os.environ["KUBECONFIG"] = str(file)
    try:
        yield
    finally:
        os.environ["KUBECONFIG"] = before
