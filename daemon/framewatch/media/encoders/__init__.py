"""Encoders: their arguments, options a preset may add, and the hardware they need."""
