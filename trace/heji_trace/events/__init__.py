"""What may be said: one declaration for each kind of event, its shape, what of it is sealed, and the sheets it comes in."""
