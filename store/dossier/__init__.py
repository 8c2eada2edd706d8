"""Everything held about one customer: which rows are whose, how they are read, and what of others is masked in them."""
