"""Reads what is attached to a file, its streams and its first frames."""
