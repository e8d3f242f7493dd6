"""The Kubernetes engine beside its rivals: programs that each run in a process of their own, and what starts and compares them."""
