"""What was measured: stored runs, their statistics, and comparisons between networks."""
