"""Stop of a service with everything it started; one that is stopped stays so."""

from outrider.operators.host.transitions import transition

OPERATION = transition("stop", running=False, undone_by="service_start")
