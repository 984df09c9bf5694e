"""Layer 4: the `flask` commands, over the same services as the blueprints."""
