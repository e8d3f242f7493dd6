"""What controllers count, under controller-runtime's names, so that dashboards that are there work."""

from collections.abc import Iterable

from outrider.ports.telemetry.metrics import Metrics


class ControllerMetrics:
    """Instruments of all controllers of a process.

    Args:
        metrics: Where they are made.
    """

    def __init__(self, metrics: Metrics) -> None:
        by_controller = ("controller",)
        self._total = metrics.counter(
            "controller_runtime_reconcile_total", "Reconciles, by their result", ("controller", "result")
        )
        self._errors = metrics.counter(
            "controller_runtime_reconcile_errors_total", "Reconciles that failed", by_controller
        )
        self._terminal = metrics.counter(
            "controller_runtime_terminal_reconcile_errors_total", "Reconciles that are not tried again", by_controller
        )
        self._seconds = metrics.histogram(
            "controller_runtime_reconcile_time_seconds", "How long a reconcile takes", by_controller
        )
        self._adds = metrics.counter("workqueue_adds_total", "Keys added to the queue", ("name", "controller"))
        self._retries = metrics.counter(
            "workqueue_retries_total", "Keys added again after a failure", ("name", "controller")
        )
        self._depth = metrics.gauge("workqueue_depth", "Keys that wait for a worker", ("name", "controller"))
        self._workers = metrics.gauge("controller_runtime_active_workers", "Workers that are at work", by_controller)
        self._longest = metrics.gauge(
            "workqueue_unfinished_work_seconds", "How long the oldest work goes on", ("name", "controller")
        )
        self._leads = metrics.gauge("leader_election_master_status", "Whether this process leads", ("name",))
        self._restarts = metrics.gauge(
            "outrider_kube_watch_restarts_total", "Watches that began anew", ("resource", "reason")
        )
        self._relists = metrics.gauge(
            "outrider_kube_relists_total", "How often all objects were asked for again", ("resource",)
        )
        self._objects = metrics.gauge("outrider_kube_objects", "Objects in the cache", ("resource",))

    def added(self, controller: str) -> None:
        """Count a key that was added."""
        self._adds.add(name=controller, controller=controller)

    def done(self, controller: str, outcome: str, seconds: float) -> None:
        """Count a reconcile.

        Args:
            controller: Its name.
            outcome: `success`, `requeue_after`, `error` or `terminal`.
            seconds: How long it took.
        """
        result = "error" if outcome in ("error", "terminal") else outcome
        self._total.add(controller=controller, result=result)
        self._seconds.observe(seconds, controller=controller)
        if outcome == "error":
            self._errors.add(controller=controller)
            self._retries.add(name=controller, controller=controller)
        if outcome == "terminal":
            self._terminal.add(controller=controller)

    def queue(self, controller: str, *, waiting: int, working: int, longest: float) -> None:
        """Say how a queue stands."""
        self._depth.set(waiting, name=controller, controller=controller)
        self._workers.set(working, controller=controller)
        self._longest.set(longest, name=controller, controller=controller)

    def cache(self, resource: str, *, objects: int, relists: int, restarts: Iterable[tuple[str, int]]) -> None:
        """Say how a cache stands."""
        self._objects.set(objects, resource=resource)
        self._relists.set(relists, resource=resource)
        for reason, count in restarts:
            self._restarts.set(count, resource=resource, reason=reason)

    def leader(self, lease: str, *, leads: bool) -> None:
        """Say whether this process leads."""
        self._leads.set(leads, name=lease)
