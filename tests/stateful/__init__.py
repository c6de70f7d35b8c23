"""Chain and integer model side by side, step by step."""
