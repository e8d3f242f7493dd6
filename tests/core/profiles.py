"""How many examples the property tests of this folder try; their time is not judged, because machines are busy."""

from hypothesis import HealthCheck, settings

_SLOW_IS_FINE = [HealthCheck.too_slow]

quick = settings(max_examples=40, deadline=None, suppress_health_check=_SLOW_IS_FINE)
thorough = settings(max_examples=80, deadline=None, suppress_health_check=_SLOW_IS_FINE)
machine = settings(max_examples=50, stateful_step_count=40, deadline=None, suppress_health_check=_SLOW_IS_FINE)
