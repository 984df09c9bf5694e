"""Layer 2: what the business does, over the engine and the tables below."""
