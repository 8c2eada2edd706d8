"""Decides and orders: rules, stages, what staff see and say, and the wiring of it all."""
