"""The network in our own CUDA kernels."""
