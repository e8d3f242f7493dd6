"""Objects and workloads of Kubernetes clusters."""
