"""Many boards measured at once: a plan, an executor, a state that outlives both, one table."""
