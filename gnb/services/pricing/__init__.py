"""Prices: the rules as pure functions, campaigns and demand that apply them to tours, and quotes for bookings."""
