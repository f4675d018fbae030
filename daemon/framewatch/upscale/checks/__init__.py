"""Whether an engine computes the network: a self-test when it opens, and a check of every frame afterwards."""
