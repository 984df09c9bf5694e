"""What `bin/dev` runs: the whole application on one machine, with its own broker, database and data."""
