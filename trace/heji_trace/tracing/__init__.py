"""The way of goods: up to what a batch was made from, down to what was made of it, and whether the amounts agree."""
