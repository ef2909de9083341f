"""Who is told, through Apprise."""
