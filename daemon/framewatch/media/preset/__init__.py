"""Presets: their keys, where they are found, and how they extend each other."""
