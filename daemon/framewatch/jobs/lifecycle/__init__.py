"""How a job changes: events, the state machine, and when a job is attempted again. Pure."""
