"""Judging without a database: limits and waiting times by their editions, the rules of warning, and how they are worded."""
