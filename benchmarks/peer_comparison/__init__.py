"""Other runtimes beside ours on the same networks: what `peers.py` is made of."""
