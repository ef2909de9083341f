"""What was applied, in SQL: policies as they were in force last, and their former names."""
