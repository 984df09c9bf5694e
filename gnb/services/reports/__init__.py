"""Reports: the figures of a week, and their mail and PDF."""
