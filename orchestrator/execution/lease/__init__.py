"""One writer per series: holding its lease, and taking it over from a run that died."""
