"""A believable business to look at and to test with: `load(100_000, seed=1, until=date.today())`.

`delays` documents the truth that the arrival times are drawn from.
"""

from gnb.services.demo.loading import Loaded, load

__all__ = ["Loaded", "load"]
