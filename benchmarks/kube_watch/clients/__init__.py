"""Programs that follow the agents of an API server until they have all. Arguments: its address, how many there are, its authority."""
