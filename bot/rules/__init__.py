"""Pure values in, frozen verdicts with named reasons out: no await, no session, no clock."""
