"""What several blueprints share; imports none of them."""
