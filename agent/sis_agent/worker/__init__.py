"""The process that loads and runs networks, from both sides."""
