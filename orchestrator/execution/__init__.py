"""Actions become outcomes, through ports only."""
