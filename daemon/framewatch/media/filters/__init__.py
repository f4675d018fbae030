"""ffmpeg filters for sound, effects, loudness and burned-in subtitles."""
