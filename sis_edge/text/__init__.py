"""Numbers and tables as text, for messages and for objects that show themselves; imports nothing of ours."""
