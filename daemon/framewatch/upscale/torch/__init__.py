"""The network in torch's operators, on any GPU that torch knows."""
