"""What is printed: QR codes, sheets of trace labels, certificates of conformity."""
