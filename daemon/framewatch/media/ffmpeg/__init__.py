"""Running the ffmpeg program: finding it, feeding it, and reading its log and progress."""
