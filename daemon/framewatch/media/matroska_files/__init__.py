"""What the elements of Matroska and WebM files tell, before libav opens them."""
