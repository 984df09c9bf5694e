"""How the admin pages say things: numbers, times, words, plots and forms for people.

Each module turns one kind of value into what a template shows. Nothing here reads the broker or the database.
"""
