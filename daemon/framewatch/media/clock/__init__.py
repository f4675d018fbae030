"""The clock of recordings: where it jumps, reading with one that does not (decision 0049), and the first picture."""
