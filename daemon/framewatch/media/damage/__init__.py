"""What is missing inside a file that is complete by its size: how it is found, and how much it is."""
