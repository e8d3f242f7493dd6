"""The demonstrations behind `outrider demo`."""
