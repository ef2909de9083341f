"""How well the policies fare now: for heartbeats, for monitoring and for metrics."""
