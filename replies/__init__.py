"""Everything a customer reads; it sees the store's models and nothing else of the house."""
