"""The network in OpenVINO, on the CPU."""
