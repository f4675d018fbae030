"""What runs in the worker process: decode, upscale and encode as overlapping stages.

A task goes in as a record and a report comes out. Nothing here knows of jobs, stores, watch folders or screens.
"""
