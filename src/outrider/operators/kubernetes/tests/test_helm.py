from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from outrider.core.errors import ConflictError, NotFoundError, PartialError, PreconditionFailedError
from outrider.operators.kubernetes.tests.calls import Shop
from outrider.operators.kubernetes.tests.releases import ENV, WEB, differences, level, statuses
from outrider.operators.kubernetes.tests.scenery import CHART
from outrider.operators.kubernetes.tests.world import helm, helm_in_path
from outrider.ports.kube.resources import CONFIG_MAPS, CRDS, DEPLOYMENTS, NAMESPACES, SECRETS
from tests.servers.http_threads import answering

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]


async def test_a_release_is_installed_upgraded_rolled_back_and_uninstalled(shop: Shop, either: str) -> None:
    plan = await shop.plan("helm_install", **WEB, values={"workload": True})
    assert plan.target == "release/web"
    assert differences(plan) == {("revision", None, 1), ("chart", None, "shop-1.2.3")}
    assert {one.path for one in plan.difference} >= {"deployment/web", "secret/web-keys", "configmap/web-settings"}
    [done] = (await shop.run("helm_install", seen=plan, **WEB, values={"workload": True})).results
    assert (done.revision, done.status, done.notes) == (1, "deployed", "Release web says info.")
    assert (await shop.refused("helm_install", **WEB)).code == "CONFLICT"

    changed: dict[str, Any] = {
        "values": {"level": "debug", "extra": True},
        "values_file": "workload: true\nlevel: warn\n",
    }
    plan = await shop.plan("helm_upgrade", **WEB, **changed)
    assert differences(plan) == {
        ("revision", 1, 2), ("configmap/web-settings: data.level", "info", "debug"), ("configmap/web-settings: data.more", None, "yes"),
        (f"{ENV}[LEVEL].value", "info", "debug"), (f"{ENV}[MORE].name", None, "MORE"), (f"{ENV}[MORE].value", None, "yes"),
    }  # fmt: skip
    diff = await shop.run("helm_diff", **WEB, **changed)
    assert {one.target: one.action for one in diff.items} == {
        "release/web": "changed", "configmap/web-settings": "changed", "configmap/web-extra": "created", "deployment/web": "changed",
        "secret/web-keys": "unchanged",
    }  # fmt: skip
    done = await shop.run("helm_upgrade", seen=plan, **WEB, **changed, wait=False)
    assert await level(shop) == "debug"
    assert (await shop.run("helm_diff", **WEB, **changed)).changes == 0

    await shop.undo("helm_upgrade", done, **WEB, **changed)
    assert await level(shop) == "info"
    assert await statuses(shop) == [(3, "deployed"), (2, "superseded"), (1, "superseded")]
    plan = await shop.plan("helm_rollback", release="web")
    assert ("content of revision", 3, 2) in differences(plan)
    plan = await shop.plan("helm_uninstall", release="web")
    assert {f"{shop.namespace}/deployment/web", f"{shop.namespace}/secret/web-keys"} <= set(plan.will_also_remove)
    await shop.run("helm_uninstall", seen=plan, release="web")
    assert (await shop.run("helm_list")).items == []
    assert (await shop.run("get", kind="deployment")).items == []


async def test_what_a_patch_takes_out_is_foreseen(shop: Shop, either: str) -> None:
    both = {"workload": True, "sidecar": True, "extra": True}
    await shop.run("helm_install", **WEB, values=both, wait=False)
    fewer: dict[str, Any] = {"values": {"workload": True}}
    plan = await shop.plan("helm_upgrade", **WEB, **fewer)
    assert plan.will_also_remove == [f"{shop.namespace}/configmap/web-extra"]
    assert any("sidecar, extra" in text or "extra, sidecar" in text for text in plan.warnings)
    paths = {one.path for one in plan.difference}
    assert "configmap/web-settings: data.more" in paths
    assert any(path.startswith("deployment/web: spec.template.spec.containers[sidecar]") for path in paths)
    assert f"{ENV}[MORE].name" in paths
    await shop.run("helm_upgrade", seen=plan, **WEB, **fewer, wait=False)
    found = await shop.client.get(DEPLOYMENTS, "web", shop.namespace)
    assert [one["name"] for one in found["spec"]["template"]["spec"]["containers"]] == ["web"]
    assert (await shop.run("helm_diff", **WEB, **fewer)).changes == 0


async def test_a_plan_ends_when_its_release_changes(shop: Shop, helm4: None) -> None:
    await shop.run("helm_install", **WEB)
    debug = {"values": {"level": "debug"}}
    plans = {
        "helm_upgrade": (await shop.plan("helm_upgrade", **WEB, **debug), {**WEB, **debug}),
        "helm_uninstall": (await shop.plan("helm_uninstall", release="web"), {"release": "web"}),
        "helm_install": (await shop.plan("helm_install", release="new", chart=str(CHART)), {"release": "new", "chart": str(CHART)}),
    }  # fmt: skip
    helm("upgrade", "web", str(CHART), "--namespace", shop.namespace)
    helm("install", "new", str(CHART), "--namespace", shop.namespace)
    plans["helm_rollback"] = (await shop.plan("helm_rollback", release="web"), {"release": "web"})
    helm("upgrade", "web", str(CHART), "--namespace", shop.namespace)
    for verb, (plan, params) in plans.items():
        with pytest.raises(ConflictError if verb == "helm_install" else PreconditionFailedError):
            await shop.run(verb, seen=plan, **params)
    assert await level(shop) == "info"


async def test_what_flux_declares_is_not_changed_behind_its_back(shop: Shop, helm4: None) -> None:
    values = {"labels": {"helm.toolkit.fluxcd.io/name": "web", "helm.toolkit.fluxcd.io/namespace": "flux"}}
    await shop.run("helm_install", **WEB)
    await shop.run("helm_upgrade", **WEB, values=values)
    for verb, params in (
        ("helm_upgrade", WEB),
        ("helm_rollback", {"release": "web"}),
        ("helm_uninstall", {"release": "web"}),
    ):
        for call in (shop.plan, shop.run):
            with pytest.raises(ConflictError, match="Flux HelmRelease web"):
                await call(verb, **params)
    await shop.run("helm_uninstall", release="web", override_owner=True)


async def test_objects_of_others_are_not_taken_over(shop: Shop, helm4: None) -> None:
    await shop.make(CONFIG_MAPS, {"metadata": {"name": "web-settings"}, "data": {"level": "mine"}})
    for call in (shop.refused("helm_install", **WEB), shop.refused("helm_install", **WEB, wait=False)):
        assert "web-settings" in (await call).message
    assert (await shop.run("helm_list")).items == []
    await shop.client.delete(CONFIG_MAPS, "web-settings", shop.namespace)
    await shop.run("helm_install", **WEB)
    await shop.make(CONFIG_MAPS, {"metadata": {"name": "web-settings"}, "data": {"level": "mine"}}, manager="kubectl")
    with pytest.raises(ConflictError, match=r"data\.level \(kubectl\)"):
        await shop.plan("helm_upgrade", **WEB, values={"level": "debug"})
    owned = await shop.refused(
        "apply", objects=[{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web-settings"}}]
    )
    assert f"outrider kubernetes helm_upgrade web CHART --namespace {shop.namespace}" in owned.suggestions[0]


async def test_a_record_that_cannot_be_read_is_told(shop: Shop, helm4: None) -> None:
    await shop.run("helm_install", **WEB)
    for name, data in (("odd", "bm8="), ("none", None)):
        metadata = {
            "name": f"sh.helm.release.v1.{name}.v1",
            "labels": {"owner": "helm", "name": name, "status": "deployed"},
        }
        content = {"metadata": metadata, "type": "helm.sh/release.v1", **({"data": {"release": data}} if data else {})}
        await shop.client.create(SECRETS, content, shop.namespace)
    found = {one.name: one.fault for one in (await shop.run("helm_list")).items}
    assert {name: bool(fault) for name, fault in found.items()} == {"web": False, "odd": True, "none": True}
    assert (await shop.run("helm_history", release="odd")).items[0].fault
    assert (await shop.refused("helm_get", release="odd")).code == "UNSUPPORTED"
    assert (await shop.refused("helm_upgrade", release="odd", chart=str(CHART))).code == "UNSUPPORTED"
    error = await shop.refused("helm_get", release="wob")
    assert (error.code, error.suggestions[0]) == ("NOT_FOUND", "did you mean 'web'?")


async def test_values_and_secrets_of_a_release_are_not_told(shop: Shop, helm4: None) -> None:
    text = "correct-horse-battery-staple"
    values = {"password": text, "level": "debug"}
    told = [await shop.plan("helm_install", **WEB, values=values), await shop.run("helm_install", **WEB, values=values)]
    [found] = (await shop.run("helm_get", release="web")).items
    assert found.values == {"password": "***", "level": "debug"}
    assert found.notes == "Release web says debug."
    told += [
        found,
        await shop.run("helm_diff", **WEB, values={**values, "password": f"{text}2"}),
        await shop.plan("helm_uninstall", release="web"),
    ]
    assert text not in str(told)


async def test_releases_in_config_maps_are_told_as_not_supported(shop: Shop, helm4: None) -> None:
    helm("install", "web", str(CHART), "--namespace", shop.namespace, driver="configmap")
    for verb, params in (("helm_list", {}), ("helm_history", {"release": "web"}), ("helm_upgrade", WEB)):
        error = await shop.refused(verb, **params)
        assert (error.code, error.found) == ("UNSUPPORTED", "HELM_DRIVER=configmap")


async def test_several_namespaces_have_a_release_each(shop: Shop, helm4: None) -> None:
    other = f"{shop.namespace}-b"
    both = f"{shop.namespace},{other}"
    try:
        with pytest.raises(NotFoundError) as absent:
            await shop.plan("helm_install", **WEB, namespace=other)
        assert absent.value.suggestions == ["make it too: create_namespace"]
        plan = await shop.plan("helm_install", **WEB, namespace=other, create_namespace=True)
        assert any("its namespace is made by this change" in text for text in plan.warnings)
        await shop.run("helm_install", seen=plan, **WEB, namespace=other, create_namespace=True)
        with pytest.raises(PartialError) as caught:
            await shop.run("helm_upgrade", **WEB, namespace=both, values={"level": "debug"})
        assert [one["namespace"] for one in caught.value.context["done"]] == [other]
        assert [one["code"] for one in caught.value.context["failed"]] == ["NOT_FOUND"]
        await shop.run("helm_install", **WEB)
        plan = await shop.plan("helm_upgrade", **WEB, namespace=both)
        assert {path.partition(": ")[0].rpartition("/")[2] for path, _, _ in differences(plan)} == {
            shop.namespace,
            other,
        }
        done = await shop.run("helm_upgrade", seen=plan, **WEB, namespace=both)
        assert [one.revision for one in done.results] == [2, 3]
        assert len((await shop.run("helm_history", release="web", namespace=both)).items) == 5
        listed = (await shop.run("helm_list", namespace="*")).items
        assert {shop.namespace, other} <= {one.namespace for one in listed if one.name == "web"}
    finally:
        await shop.client.delete(NAMESPACES, other)


def chart(folder: Path, **files: str) -> str:
    """Write a chart with these files, named by their folder, and return its folder."""
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: things\nversion: 0.1.0\n")
    for name, text in files.items():
        (folder / name).mkdir()
        (folder / name / "file.yaml").write_text(text)
    return str(folder)


async def test_a_chart_may_bring_the_definition_of_a_kind(shop: Shop, either: str, tmp_path: Path) -> None:
    group = f"{shop.namespace}.example.org"
    schema = "{openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}"
    definition = (
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
        f"metadata: {{name: things.{group}}}\nspec: {{group: {group}, scope: Namespaced,"
        " names: {plural: things, singular: thing, kind: Thing, listKind: ThingList},"
        f" versions: [{{name: v1, served: true, storage: true, schema: {schema}}}]}}\n"
    )
    one = f"apiVersion: {group}/v1\nkind: Thing\nmetadata: {{name: one}}\n"
    params: dict[str, Any] = {"release": "things", "chart": chart(tmp_path, crds=definition, templates=one)}
    try:
        plan = await shop.plan("helm_install", **params)
        assert {f"customresourcedefinition/things.{group}", f"thing.{group}/one"} <= {
            one.path for one in plan.difference
        }
        await shop.run("helm_install", seen=plan, **params)
        assert (await shop.run("helm_diff", **params)).changes == 0
        plan = await shop.plan("helm_uninstall", release="things")
        assert plan.will_also_remove == [f"{shop.namespace}/thing.{group}/one"]
    finally:
        await shop.client.delete(CRDS, f"things.{group}")


async def test_a_field_that_is_not_known_is_remarked_where_helm_lets_it_pass(shop: Shop, tmp_path: Path) -> None:
    settings = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndta: {}\n"
    with helm_in_path("3"):
        plan = await shop.plan("helm_install", release="web", chart=chart(tmp_path, templates=settings))
    assert plan.warnings == ['unknown field "dta"']


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


async def test_a_chart_is_installed_in_the_version_that_was_planned(
    shop: Shop, helm4: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (
        ("REPOSITORY_CONFIG", "repositories.yaml"),
        ("REPOSITORY_CACHE", "cache"),
        ("CACHE_HOME", "home"),
    ):
        monkeypatch.setenv(f"HELM_{name}", str(tmp_path / value))
    (tmp_path / "source").mkdir()
    source = chart(tmp_path / "source", templates="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    packages = tmp_path / "packages"

    def publish(version: str) -> None:
        helm("package", source, "--version", version, "--destination", str(packages))
        helm("repo", "index", str(packages))

    publish("0.1.0")
    with answering(HTTPServer(("127.0.0.1", 0), partial(Quiet, directory=packages))) as port:
        helm("repo", "add", "shelf", f"http://127.0.0.1:{port}")
        params: dict[str, Any] = {"release": "things", "chart": "shelf/things"}
        plan = await shop.plan("helm_install", **params)
        publish("0.2.0")
        helm("repo", "update")
        [done] = (await shop.run("helm_install", seen=plan, **params)).results
        assert done.chart == "things-0.1.0"
        plan = await shop.plan("helm_upgrade", **params)
        assert ("chart", "things-0.1.0", "things-0.2.0") in differences(plan)
    helm("uninstall", "things", "--keep-history", "--namespace", shop.namespace)
    assert (await shop.refused("helm_upgrade", release="things", chart=source)).code == "NOT_FOUND"
    [done] = (await shop.run("helm_install", release="things", chart=source)).results
    assert (done.before, done.revision, done.status) == (1, 2, "deployed")


async def test_bad_input_is_refused_before_helm_sees_it(shop: Shop, helm4: None) -> None:
    for wrong in (
        {"chart": "--post-renderer=/bin/sh"},
        {"release": "-x"},
        {"release": "Web"},
        {"values_file": "values.yaml"},
    ):
        error = await shop.refused("helm_install", **{**WEB, **wrong})
        assert error.code == "INVALID_CONFIG", wrong
    assert error.suggestions == ["on the command line: --values-file @values.yaml"]
    for wrong in ({"chart": "./nowhere"}, {"values_file": "level: ["}, {"version": "--debug", "chart": "no/chart"}):
        error = await shop.refused("helm_install", **{**WEB, **wrong})
        assert error.code == "EXECUTION_FAILED", wrong
    assert (await shop.run("helm_list")).items == []
