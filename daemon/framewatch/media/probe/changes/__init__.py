"""Changes of picture and sound in the middle of a file, found while its packets are read."""
