"""Proof that an engine computes the network: the self-test, and a check of every frame it gives."""
