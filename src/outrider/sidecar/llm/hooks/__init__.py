"""Tools of others that look at prompts before they leave."""
