"""How fast this machine is: each engine, each stage, the whole way, and the seed's way on the same clip.

What could crash with a driver, or leave processes behind, runs in worker processes: the usual one for what jobs do,
and that of `framewatch.bench.worker` for what is measured alone.
"""
