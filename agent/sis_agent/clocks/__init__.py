"""Locked clocks for the length of a job, and that they are put back."""
