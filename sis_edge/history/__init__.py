"""What changed over time: the stored runs of each board and network as a series, with its change points."""
