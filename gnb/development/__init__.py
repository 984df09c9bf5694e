"""What `bin/dev` runs: the whole application on one machine, with a broker, a database and data of its own."""
