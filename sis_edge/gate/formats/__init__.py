"""A gate's result as text, one file for each format; the command line writes them."""
