"""How the program of an agent gets its tasks: one module for each mode."""
