"""What in a watch folder is left alone: junk, unfinished downloads, and what the user excludes."""
