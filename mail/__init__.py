"""Everything that knows a byte format or a network that customers use; it imports no other package of the house."""
