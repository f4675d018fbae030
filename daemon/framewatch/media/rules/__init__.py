"""Which settings of a preset fit together. Pure, from the table in container_rules.yaml."""
