"""Files that are not taken for long: those that never settle, and those that look unfilled."""
