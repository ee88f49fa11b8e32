"""What ProX is compared with: the same features, the same labels, each learned when it was known."""
