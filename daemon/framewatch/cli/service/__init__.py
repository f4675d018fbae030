"""`framewatch service`: framewatch under systemd and launchd."""
