"""The network itself: its weights, its definition, and a reference in numpy."""
