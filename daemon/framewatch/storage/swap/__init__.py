"""Putting a file in the place of another one."""
