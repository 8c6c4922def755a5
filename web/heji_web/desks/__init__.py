"""The desks of those who sign in: co-operatives, laboratories, traders, regulators."""
