"""`python -m sis_edge`: the command line without its script."""

from sis_edge.cli import main

if __name__ == "__main__":
    main()
