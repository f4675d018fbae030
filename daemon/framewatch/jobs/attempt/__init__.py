"""One attempt at a job: probe, plan, render, join and verify."""
