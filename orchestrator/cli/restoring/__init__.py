"""The ways in which ``restore`` brings a backup back, one module each."""
