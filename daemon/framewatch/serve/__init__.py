"""What the outside sees of a running daemon: its logs, and its word to the service manager."""
