"""What the policies say now against what was last applied, and writing down that they are in force."""
