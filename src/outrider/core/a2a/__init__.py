"""The Agent2Agent protocol, 1.0, and 0.3 for those that speak no other: what a caller and a called agent share."""
