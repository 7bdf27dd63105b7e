"""Ways to a board."""
