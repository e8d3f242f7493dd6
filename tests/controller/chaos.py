"""Trouble for a cluster and its controllers, and what the API server has written down of it."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from outrider.controller.definitions import definitions
from outrider.controller.install import cluster_rules, own_rules
from outrider.controller.service import LEASE
from outrider.local.cluster.layout import ClusterLayout
from outrider.local.cluster.lifecycle import Cluster
from tests.servers.cluster import RealCluster
from tests.servers.ports import free_port

SYSTEM = "outrider-system"
IMAGE = "outrider.dev/outrider:chaos"
# One of the two controllers has a wall clock that is an hour ahead.
_SKEWED = "import time, runpy, sys; real = time.time; time.time = lambda: real() + 3600; sys.argv[0] = 'outrider'; runpy.run_module('outrider', run_name='__main__')"


class ControllerProcess:
    """A controller outside of the cluster, as a ServiceAccount of its own: so the audit log tells who did what."""

    def __init__(self, cluster: RealCluster, folder: Path, name: str, *, skewed: bool = False) -> None:
        self.name, self._skewed = name, skewed
        self.user = f"system:serviceaccount:{SYSTEM}:{name}"
        token = cluster.kubectl("-n", SYSTEM, "create", "token", name, "--duration=2h").strip()
        config = yaml.safe_load(cluster.kubeconfig.read_text())
        config["users"][0]["user"] = {"token": token}
        self._kubeconfig = folder / f"{name}.kubeconfig"
        self._kubeconfig.write_text(yaml.safe_dump(config))
        self._log = (folder / f"{name}.log").open("ab")
        self.port = free_port()
        self.starts = 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, unless it runs."""
        if self._process is not None and self._process.poll() is None:
            return
        self.starts += 1
        how = ["-c", _SKEWED] if self._skewed else ["-m", "outrider"]
        command = [
            sys.executable, *how, "controller", "serve", "--image", IMAGE, "--namespace", SYSTEM,
            "--listen", f"127.0.0.1:{self.port}", "--webhooks", "127.0.0.1:0",
        ]  # fmt: skip
        environment = {**os.environ, "KUBECONFIG": str(self._kubeconfig)}
        self._process = subprocess.Popen(command, env=environment, stdout=self._log, stderr=self._log)

    @property
    def pid(self) -> int:
        """Its number; 0 where it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else 0

    def ask(self, path: str) -> tuple[int, str]:
        """Return status and body of what it answers; 0 while it does not."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, ""
        except OSError:
            return 0, ""

    def metric(self, start: str) -> float:
        """Return the sum of the metrics that begin so."""
        lines = self.ask("/metrics")[1].splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(start))

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        """End it for good."""
        self.kill()
        self._log.close()


def teach(cluster: RealCluster) -> None:
    """Have a cluster know our kinds."""
    made = definitions()
    for one in made:
        cluster.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(one))
    for one in made:
        cluster.kubectl("wait", "--for=condition=Established", f"crd/{one['metadata']['name']}", "--timeout=20s")


def grant(cluster: RealCluster, names: list[str]) -> None:
    """Make the ServiceAccounts of controllers, which may do what the installed controller may."""
    made: list[dict[str, Any]] = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM}}]
    group = "rbac.authorization.k8s.io"
    for kind, rules in (("ClusterRole", cluster_rules()), ("Role", own_rules())):
        place = {"namespace": SYSTEM} if kind == "Role" else {}
        subjects = [{"kind": "ServiceAccount", "name": name, "namespace": SYSTEM} for name in names]
        made.append({"apiVersion": f"{group}/v1", "kind": kind, "metadata": {"name": "chaos", **place}, "rules": rules})
        made.append(
            {
                "apiVersion": f"{group}/v1", "kind": f"{kind}Binding", "metadata": {"name": "chaos", **place},
                "roleRef": {"apiGroup": group, "kind": kind, "name": "chaos"}, "subjects": subjects,
            }
        )  # fmt: skip
    made += [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": SYSTEM}}
        for name in names
    ]
    cluster.kubectl("apply", "-f", "-", input=yaml.safe_dump_all(made))


class Trouble:
    """Kills and freezes what the cluster and its controllers are made of, one after the other."""

    def __init__(
        self, cluster: Cluster, controllers: list[ControllerProcess], audit: "AuditLog", chance: random.Random
    ) -> None:
        self._cluster, self._controllers, self._audit, self._chance = cluster, controllers, audit, chance
        self.done: list[str] = []

    def once(self) -> None:
        """Do one thing, and wait until what was frozen goes on."""
        what = self._chance.choice(
            [
                "kill api",
                "freeze api",
                "freeze etcd",
                "kill etcd",
                "kill leader",
                "freeze leader",
                "kill follower",
                "calm",
            ]
        )
        self.done.append(what)
        verb, _, whom = what.partition(" ")
        pid = self._pid(whom)
        if not pid:
            return
        with suppress(ProcessLookupError):
            if verb == "kill":
                os.kill(pid, signal.SIGKILL)
                time.sleep(self._chance.uniform(0.2, 3.0))
            else:
                # Longer than a Lease lasts, for a leader; not so for servers, where nobody could take over anyway.
                self._freeze(
                    pid, self._chance.uniform(17.0, 22.0) if whom == "leader" else self._chance.uniform(0.5, 8.0)
                )
        for one in self._controllers:
            one.start()

    def _pid(self, whom: str) -> int:
        if whom in ("api", "etcd"):
            return self._cluster.processes().get({"api": "kube-apiserver", "etcd": "etcd"}[whom], 0)
        leader = self._audit.leader()
        for one in self._controllers:
            if whom and (one.user == leader) is (whom == "leader"):
                return one.pid
        time.sleep(3)
        return 0

    def _freeze(self, pid: int, seconds: float) -> None:
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            os.kill(pid, signal.SIGCONT)


class AuditLog:
    """What the API server has written down."""

    def __init__(self, layout: ClusterLayout) -> None:
        self._folder = layout.logs

    def events(self, stage: str = "ResponseComplete") -> Iterator[dict[str, Any]]:
        """Yield what was answered, in the order of the answers; watches are of the stage ResponseStarted while they go on."""
        files = sorted(self._folder.glob("audit*.jsonl"), key=lambda file: file.name == "audit.jsonl")
        for file in files:
            with file.open(encoding="utf-8") as lines:
                for line in lines:
                    with suppress(json.JSONDecodeError):  # the last one, where the server was killed
                        found = json.loads(line)
                        if found.get("stage") == stage:
                            yield found

    def leader(self) -> str:
        """Return the user who has written the Lease last as its holder."""
        return next(reversed([user for _, user in self._holders()]), "")

    def _holders(self) -> list[tuple[float, str]]:
        """Return who held the Lease from when on."""
        found = []
        for one in self.events():
            said = one.get("requestObject", {}).get("spec", {}).get("holderIdentity")
            if one.get("objectRef", {}).get("resource") == "leases" and said and _taken(one) and _name(one) == LEASE:
                found.append((_moment(one["stageTimestamp"]), one["user"]["username"]))
        return sorted(found)

    def strangers(self, users: list[str]) -> list[str]:
        """Return writes of controllers that did not hold the Lease at that moment."""
        holders, found = self._holders(), []
        for one in self.events():
            resource = one.get("objectRef", {}).get("resource")
            if one["user"]["username"] not in users or one["verb"] not in ("create", "update", "patch", "delete"):
                continue
            if resource in ("leases", "events") or not _taken(one):
                continue
            moment = _moment(one["requestReceivedTimestamp"])
            holder = next((user for when, user in reversed(holders) if when <= moment), "")
            if holder != one["user"]["username"]:
                found.append(f"{one['requestReceivedTimestamp']} {one['user']['username']} {one['verb']} {resource}/{_name(one)}, held by {holder or 'nobody'}")  # fmt: skip
        return found

    def followed(self, users: list[str]) -> Counter[str]:
        """Return how often the lists and watches of a kind were asked for by controllers."""
        return Counter(
            f"{one['user']['username'].rpartition(':')[2]} {one['objectRef']['resource']}"
            for verb, stage in (("list", "ResponseComplete"), ("watch", "ResponseStarted"))
            for one in self.events(stage)
            if one["user"]["username"] in users and one["verb"] == verb and "objectRef" in one
        )

    def writes(self, users: list[str]) -> Counter[str]:
        """Return how often an object was written by controllers."""
        return Counter(
            f"{one['objectRef']['resource']}/{_name(one)}"
            for one in self.events()
            if one["user"]["username"] in users and one["verb"] in ("create", "update", "patch", "delete") and _taken(one)
            and one["objectRef"]["resource"] not in ("leases", "events")
        )  # fmt: skip


def _taken(event: dict[str, Any]) -> bool:
    return bool(200 <= event.get("responseStatus", {}).get("code", 0) < 300)


def _name(event: dict[str, Any]) -> str:
    return str(event["objectRef"].get("name", ""))


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
