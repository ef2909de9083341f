"""PostgreSQL: consistent snapshots, COPY out and in, schema archives, throwaway clusters."""
