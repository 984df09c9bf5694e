"""What runs in the peers' own processes: the job and the producer, one file a peer. `contestants.py` starts them."""
