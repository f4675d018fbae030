"""The network in ncnn, on a GPU through Vulkan or on the CPU.

This package has the name of the runtime that it wraps. Imports in the project are absolute, so that `import ncnn`
always means the runtime.
"""
