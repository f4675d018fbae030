"""Moving a verified output and its source to their final places, step by journaled step."""
