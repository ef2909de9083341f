"""What is tidied up after backups: copies that no rule keeps, and objects that nothing names."""
