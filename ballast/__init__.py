"""Ballast: a cross-margin vault that keeps itself upright. Model, chains, deployment, client, keeper and demo."""
