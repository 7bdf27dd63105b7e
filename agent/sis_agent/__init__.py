"""The agent: runs on the board, measures, and writes one record a job. Standard library only, CPython 3.6 to 3.14."""
