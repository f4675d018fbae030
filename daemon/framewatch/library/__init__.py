"""What keeps a library whole: kinds of files, companions, discs, known files. Rules; nothing is moved here."""
