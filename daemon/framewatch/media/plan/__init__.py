"""The plan for one file: what becomes of its streams, frames and times, and what the output must hold. Pure."""
