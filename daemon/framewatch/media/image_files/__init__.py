"""What the first bytes and the structure of an image file tell, before libav opens it."""
