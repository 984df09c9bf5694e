"""Accounts: sign-in, passwords, bearer tokens and users."""
