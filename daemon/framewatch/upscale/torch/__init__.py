"""The network in torch's operators, and what every engine on torch shares.

This package has the name of the runtime that it wraps. Imports in the project are absolute, so that `import torch`
always means the runtime.
"""
