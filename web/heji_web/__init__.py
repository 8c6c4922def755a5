"""The Flask service: the API, the consumer page, the desks and the command `heji`."""
