"""Shares of a GPU, held by one job at a time across processes."""
