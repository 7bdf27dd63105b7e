"""A bundle: one folder with all that a board needs, and its manifest."""
