"""What a correction or a late statement makes to be worked out again."""
