"""Whether a stored run is what was stored: hashes from the record to the bundle, its weights, graphs and data.

`chain` follows them; `archive` puts a run with its bundle into one file that others can check, and takes one apart.
"""
