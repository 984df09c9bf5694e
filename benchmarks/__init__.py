"""How fast the project is, next to its peers: `bin/bench` (see README.md)."""
