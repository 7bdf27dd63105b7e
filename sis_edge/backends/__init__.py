"""What the host knows of a runtime: what it builds ahead, and what it may make of a network."""
