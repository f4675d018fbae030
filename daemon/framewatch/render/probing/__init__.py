"""The report about a file from which its plan is made."""
