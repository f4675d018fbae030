"""Joined recordings: where a file's clock jumps, and reading it with a clock that does not. See decision 0049."""
