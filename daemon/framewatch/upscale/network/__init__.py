"""The network: its definition, its weights, and a reference in numpy."""
