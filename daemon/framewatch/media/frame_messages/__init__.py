"""Messages that a bitstream attaches to single frames: captions, HDR10+ and others; read, and put into another."""
