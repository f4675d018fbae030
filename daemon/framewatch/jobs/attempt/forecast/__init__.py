"""What a job will need: space on disks, and memory."""
