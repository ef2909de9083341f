"""What one file by itself may not contain: by the schema, and because it is not built yet."""
