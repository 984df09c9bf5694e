"""Reports: the figures of a week, and how a mail and a PDF show them."""
