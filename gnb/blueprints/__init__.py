"""Layer 4: HTTP in, a service or the engine called, HTTP out."""
