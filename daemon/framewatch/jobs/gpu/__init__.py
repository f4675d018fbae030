"""Shares of a GPU, divided among jobs across processes."""
