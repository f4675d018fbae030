"""Whether a program may still write to a file."""
