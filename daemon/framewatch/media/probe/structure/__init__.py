"""What the structure of a file says that libav does not tell."""
