"""`python -m framewatch` is the command `framewatch`."""

from framewatch.cli import main

main()
