"""What only the packets of a stream tell, and not its header."""
