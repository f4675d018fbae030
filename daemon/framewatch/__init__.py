"""framewatch: watch folders that upscale video."""

__version__ = "0.1.0"
