"""Workloads on Kubernetes: who sees to it that what is declared there is so."""
