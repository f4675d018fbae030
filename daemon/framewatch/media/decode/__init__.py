"""Reading with PyAV: frames for the network, and what a finished file really holds."""
