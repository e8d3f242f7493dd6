"""Why something does not run: causes with evidence and remedies, from what the API server says of objects, their pods and nodes."""
