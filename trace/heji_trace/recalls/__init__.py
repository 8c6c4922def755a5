"""Recalls: opened, brought up to date, finished."""
