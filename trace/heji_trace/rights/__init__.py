"""Who may say what for whom, and who may read how much of it, and when."""
