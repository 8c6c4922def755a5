"""What every door does with a request: who asks, in which language, what was sent, what went wrong, how it is logged."""
