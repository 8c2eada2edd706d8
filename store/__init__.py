"""Everything that survives a restart; it imports no other package of the house."""
