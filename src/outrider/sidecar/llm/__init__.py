"""The gateway between an agent and its models: who may ask what, how much, of whom, and what it cost."""
