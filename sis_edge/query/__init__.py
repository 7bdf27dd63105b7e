"""SQL over all stored runs, by duckdb: views, filled from the runs' summaries, read and never written."""
