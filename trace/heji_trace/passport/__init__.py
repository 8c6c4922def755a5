"""What a consumer sees behind a code."""
