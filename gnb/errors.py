"""Errors that belong to no single part of the application."""


class ConfigError(Exception):
    """A variable of the environment is missing or wrong; its text is one line for whoever starts the process."""
