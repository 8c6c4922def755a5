"""What those who work with the county need beside them: what forms offer, what a text may name, who has the goods."""
