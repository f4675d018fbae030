"""The composition root: the daemon and its parts, signals, and requests of commands."""
