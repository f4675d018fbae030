"""Jobs on disk: the SQLite store, a backup of each running job, and recovery after damage."""
