"""What must not leave with a prompt, or come back with an answer."""
