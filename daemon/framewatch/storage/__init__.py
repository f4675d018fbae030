"""Files below a root: opened, written, copied, moved and renamed safely, and only while its disk is mounted."""
