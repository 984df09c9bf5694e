"""What runs in the peers' own processes: their empty job, their producer. One file a peer; `contestants.py` starts them."""
