"""What the host knows of a run time: what it builds ahead, and what it may make of a network."""
