"""The small languages inside values: cron expressions, durations, connection strings, urls."""
