"""What keeps a library whole: kinds of files, companions of videos, discs. Rules and data; nothing is moved here."""
