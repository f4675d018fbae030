"""Jobs on disk: the SQLite store, a backup of each started job, and recovery after damage."""
