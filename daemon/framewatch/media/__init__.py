"""Media: what a file is, which frames it shows when, and how pixels get out of it and into a new one.

Reading (probe, scan, decode, inspect) is done with PyAV; writing is done by the ffmpeg program, whose command
lines are composed here too. The preset and the rules that fit it to a file are here because they are about
media.
"""
