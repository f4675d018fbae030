"""Both ends of a worker process: the client that owns and watches it, and what runs in it.

A task goes in as a record and a report comes out. Nothing here knows of jobs, stores, watch folders or screens.
`worker_client`, `stall_detector` and `orphan_processes` run in the owner; decode, upscale and encode run in the
worker, as overlapping stages.
"""
