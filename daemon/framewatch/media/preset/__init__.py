"""Presets: what they may say, how they are found and built upon each other."""
