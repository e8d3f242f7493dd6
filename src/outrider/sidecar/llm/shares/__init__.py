"""Amounts that several sidecars of one agent share: each draws allotments from a store that all of them reach."""
