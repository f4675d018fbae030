"""What the boxes of ISO media files (MP4, MOV, HEIF) tell, before libav opens them."""
