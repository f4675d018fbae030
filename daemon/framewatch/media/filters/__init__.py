"""ffmpeg filters for audio, effects, loudness and burned-in subtitles."""
