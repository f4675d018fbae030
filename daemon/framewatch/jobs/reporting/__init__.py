"""What users see of a job while it runs: the progress file beside the output."""
