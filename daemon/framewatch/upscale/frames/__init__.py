"""Frames in memory: their shape, pixel layout, conversion between YUV and RGB, and tiles."""
