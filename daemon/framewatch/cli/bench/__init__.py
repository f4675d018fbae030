"""The command `framewatch bench`, and its tables."""
