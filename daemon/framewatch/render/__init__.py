"""Where pictures are made: decode, upscale and encode as overlapping stages, in a process of their own.

All that runs outside the daemon's process is here. A task goes in as a record, a report comes out; nothing in this
room knows of jobs, stores, folders or screens.
"""
