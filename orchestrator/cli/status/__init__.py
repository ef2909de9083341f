"""What `status` shows, and how: a table, a document, a watch, a check for monitoring."""
