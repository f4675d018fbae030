"""The network in our own CUDA kernels, for NVIDIA GPUs since Ampere."""
