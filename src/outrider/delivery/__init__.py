"""Progressive delivery, shared by families: a new version gets more and more of the traffic, and is judged at each step."""
