"""The empty job."""


def empty() -> None:
    """Does nothing, so that what is measured is the queue."""
