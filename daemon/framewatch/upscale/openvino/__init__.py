"""The network in OpenVINO, on the CPU.

This package has the name of the runtime that it wraps. Imports in the project are absolute, so that `import openvino`
always means the runtime.
"""
