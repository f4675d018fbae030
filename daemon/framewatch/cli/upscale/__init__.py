"""`framewatch upscale`: process one file at once, without a daemon."""
