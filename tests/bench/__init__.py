"""How fast Herald is, as ratios against peers that are measured in the same run: ``make bench``."""
