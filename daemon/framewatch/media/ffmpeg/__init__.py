"""The ffmpeg program: finding it, running it, and reading what it reports."""
