"""Which keys of a preset can be combined. Pure; the facts are in container_rules.yaml."""
