"""The words of the trade and of the calendar: units, crops, substances, places, moments and working days."""
