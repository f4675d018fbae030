"""Encoders: their arguments, the options that a preset may add, and the hardware that they need."""
