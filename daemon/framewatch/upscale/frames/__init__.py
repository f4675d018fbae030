"""Frames in memory: their shape, conversion between YUV, RGB and floats, and the cutting of tiles."""
