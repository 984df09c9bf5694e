"""How prices are set: by campaigns, and by demand. Rules are pure functions; the services beside apply them."""
