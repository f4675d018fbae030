"""Watching folders: files are found, settle, and become jobs, each version once.

A `FolderWatch` watches one folder on a thread of its own. File-system events only say where to look; periodic rescans
decide. `Admission` turns settled files into jobs.
"""
