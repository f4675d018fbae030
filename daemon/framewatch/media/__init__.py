"""Media: what a file is, which frames it shows when, and how its streams become a new file.

Reading (probe, scan, decode, inspect) is done with PyAV. Writing is done by the ffmpeg program, whose command lines
are built here. Presets and their rules are here because they are about media.
"""
