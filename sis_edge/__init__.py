"""sis-edge: what a sparse network really buys on the board on the desk."""

__version__ = "0.1.0"
