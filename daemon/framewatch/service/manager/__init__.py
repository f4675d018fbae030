"""What a service manager gets: systemd's unit, launchd's property list, and word of what the daemon does."""
