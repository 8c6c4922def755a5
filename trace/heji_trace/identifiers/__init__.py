"""Identifiers as people, labels and scanners give them: trace codes, GS1 keys, licence numbers, their check characters."""
