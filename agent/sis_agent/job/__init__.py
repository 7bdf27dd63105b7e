"""A job on the board: its folder, its life from the lock to the record, and what it leaves on the disk."""
