"""Start of a service; one that runs stays as it is."""

from outrider.operators.host.transitions import transition

OPERATION = transition("start", running=True, undone_by="service_stop")
