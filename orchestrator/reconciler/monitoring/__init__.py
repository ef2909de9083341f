"""What people and monitoring are shown after a look: health and figures."""
