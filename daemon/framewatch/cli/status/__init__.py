"""`framewatch status`."""
