"""What is known when events are judged: the state of the read tables, and what earlier entries said."""
