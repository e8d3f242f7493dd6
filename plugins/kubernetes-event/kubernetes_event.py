"""Trigger: has the agent follow objects of a cluster, and reports `bad` and `good` for each."""

from __future__ import annotations

import time

from kubernetes_watches import WATCHES, Watch
from outrider_config import config_error, length
from outrider_plugin import PluginError, Trigger, main

# Importing typing would be a quarter of the start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HOLD_SECONDS = 30.0
# For the connection and the answer, beside the time for which a change is waited for.
CALL_SECONDS = 20.0
FIRST_PAUSE = 0.2
SHOWN = 200
MOST_BAD = 1000


class KubernetesEvent(Trigger):
    """The objects of one kind, of a namespace or of a cluster."""

    def setup(self) -> None:
        self.watch = wanted(self.config)
        self.once = self.config["once"] or self.watch.once
        self.every, self.calm = length(self.config, "every"), length(self.config, "calm")
        self.place = {name: self.config[name] for name in ("cluster", "namespace", "labels", "fields")}
        self.values = {**self.watch.values, **self.config["values"]}
        self.since = ""
        # What is bad, by uid; and of those that are well again, since when.
        self.bad: dict[str, dict[str, Any]] = {}
        self.well: dict[str, float] = {}
        self.seen: set[str] = set()
        self.first = True
        self.full = False

    def run(self) -> None:
        pause, told = FIRST_PAUSE, ""
        while not self.stopping:
            try:
                self._take(self._ask())
                self._tell_well()
                pause, told = FIRST_PAUSE, ""
            except PluginError as error:
                if self.wait(0):
                    return
                if str(error) != told:
                    told = str(error)
                    self.log(f"the cluster cannot be followed: {error}")
                # Not knowing is not being well: what is bad stays so.
                self.wait(pause)
                pause = min(2 * pause, self.every)

    def _ask(self) -> dict[str, Any]:
        hold = HOLD_SECONDS
        if self.well:
            hold = min(hold, max(1.0, self.calm - (time.monotonic() - min(self.well.values()))))
        answer = self.call_within(
            hold + CALL_SECONDS, "kubernetes.changes", kind=self.watch.kind, condition=self.watch.condition, values=self.values,
            since=self.since, hold=f"{hold:.3f}s", **self.place,
        )  # fmt: skip
        if not isinstance(answer, dict) or not isinstance(answer.get("items"), list):
            raise PluginError("its answer cannot be read")
        return answer

    def _take(self, answer: dict[str, Any]) -> None:
        if answer["whole"]:
            self._compare({item["uid"] for item in answer["items"]})
        for item in answer["items"]:
            if self.stopping:
                return
            if self.once:
                self._once(item)
            elif item["meets"]:
                self._ill(item)
            elif item["uid"] in self.bad:
                self.well.setdefault(item["uid"], time.monotonic() - (self.calm if item["gone"] else 0))
        # Only now: what was not taken comes again after a restart.
        self.since, self.first = str(answer["next"]), False

    def _compare(self, ill: set[str]) -> None:
        """Take what was bad and is no longer among those that are for well again."""
        for uid in self.bad.keys() - ill:
            self.well.setdefault(uid, time.monotonic())
        self.seen &= ill

    def _once(self, item: dict[str, Any]) -> None:
        if item["gone"]:
            self.seen.discard(item["uid"])
        elif item["meets"] and item["uid"] not in self.seen:
            self.seen.add(item["uid"])
            # What was there before this began is no news.
            if not self.first:
                self._report(item, "bad", unhealthy=False)

    def _ill(self, item: dict[str, Any]) -> None:
        uid = item["uid"]
        self.well.pop(uid, None)
        before = self.bad.get(uid)
        if before is None and len(self.bad) >= MOST_BAD:
            if not self.full:
                self.log(f"more than {MOST_BAD} objects are bad; further ones are not reported")
            self.full = True
            return
        self.bad[uid] = item
        if before is None or before["values"].get("reason") != item["values"].get("reason"):
            self._report(item, "bad", unhealthy=True)

    def _tell_well(self) -> None:
        now = time.monotonic()
        for uid in [uid for uid, since in self.well.items() if now - since >= self.calm]:
            del self.well[uid]
            self._report(self.bad.pop(uid), "good", unhealthy=False)
            self.full = False

    def _report(self, item: dict[str, Any], state: str, *, unhealthy: bool) -> None:
        values = item["values"]
        place = f"{item['namespace']}/" if item["namespace"] else ""
        reason = str(values.get("reason") or self.config["watch"])
        said = f": {values['message']}" if values.get("message") else ""
        data = {
            "state": state, "watch": self.config["watch"], "cluster": self.config["cluster"], "reason": reason if state == "bad" else "",
            "message": str(values.get("message") or ""), "values": values,
            **{name: item[name] for name in ("target", "namespace", "uid", "workload", "labels")},
            "summary": f"{place}{item['target']} {f'{reason}{said}' if state == 'bad' else 'is well again'}"[:SHOWN],
        }  # fmt: skip
        bad = state == "bad"
        self.event(data, severity=self.config["severity"] if bad else "low", unhealthy=unhealthy, key=item["uid"])


def wanted(config: dict[str, Any]) -> Watch:
    """Return what a configuration looks for.

    Raises:
        PluginError: An object is looked for and nothing says which, or what is given belongs to another watch.
    """
    if config["watch"] != "object":
        for name in ("kind", "condition"):
            if name in config:
                raise config_error(name, "given", "nothing: it is for `watch: object` alone")
        return WATCHES[config["watch"]]
    for name in ("kind", "condition"):
        if name not in config:
            raise config_error(name, "not given", "what `watch: object` looks for")
    return Watch(config["kind"], config["condition"], {})


main(KubernetesEvent)
