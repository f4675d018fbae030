"""Commands that change the queue: what runs when, what is stopped, and what is done again."""
