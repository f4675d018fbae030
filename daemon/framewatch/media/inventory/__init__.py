"""What a file has beyond picture and sound, and what becomes of it: one table for every kind, way and container."""
