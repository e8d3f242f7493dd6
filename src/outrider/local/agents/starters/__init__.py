"""How the program of an agent is started on this machine: as a process, or as a container."""
