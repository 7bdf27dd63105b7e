"""What the board is, and what state it is in."""
