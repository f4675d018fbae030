"""The network in ncnn, on a GPU by Vulkan or on the CPU."""
