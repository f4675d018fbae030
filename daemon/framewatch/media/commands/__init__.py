"""ffmpeg command lines, composed from a plan. Pure."""
