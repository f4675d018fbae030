"""How users see a job: the progress file beside its output, `framewatch status`, and the log."""
