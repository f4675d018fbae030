"""The plan for one file: sizes, timeline, segments, streams, and what the output must hold. Pure."""
