"""ffmpeg command lines, built from a plan. Pure."""
