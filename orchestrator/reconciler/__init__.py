"""One pass: observe, plan, execute, record."""
