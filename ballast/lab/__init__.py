"""The crash lab: a price history replayed over many accounts, under several rules side by side."""
