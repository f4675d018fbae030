"""What a file is: its kind, streams, tags and packets, read without decoding."""
