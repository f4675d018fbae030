"""Measure how fast this machine is: each engine, each stage of a render, and the whole pipeline from file to file.

Anything that a driver could crash, or that could leave processes behind, runs in a worker process: the usual one for
what jobs do, and the one of `framewatch.bench.worker` for what is measured alone.
"""
