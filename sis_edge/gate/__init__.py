"""A gate for CI: a candidate is measured with its base in one job, and stopped where it is surely worse by too much."""
