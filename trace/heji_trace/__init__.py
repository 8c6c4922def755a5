"""The core of Heji: what is recorded, proved, traced, judged and warned about."""
