"""What a source is: its type, streams, tags and packets. Nothing is decoded but one frame."""
