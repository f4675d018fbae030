"""Who may read what framewatch writes, and whether framewatch may write and move what a job will need to."""
