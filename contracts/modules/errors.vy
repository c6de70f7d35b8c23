# pragma version 0.4.3
"""
@title Reason strings
@license AGPL-3.0-only
@notice Every revert of the protocol carries one of these strings: "subject: problem", lower case, at most 32
        characters. A test reads this file, so a string stands in it exactly once and is used at least once.
"""

# Access
NOT_OWNER: constant(String[32]) = "access: not the owner"
NOT_ENGINE: constant(String[32]) = "access: not the engine"
NOT_VAULT: constant(String[32]) = "access: not the vault"
NO_RIGHT: constant(String[32]) = "access: no right"

# Vault
ZERO_ADDRESS: constant(String[32]) = "vault: zero address"
ZERO_AMOUNT: constant(String[32]) = "vault: zero amount"
UNKNOWN_ACCOUNT: constant(String[32]) = "vault: unknown account"
UNKNOWN_MARKET: constant(String[32]) = "vault: unknown market"
UNKNOWN_TOKEN: constant(String[32]) = "vault: unknown token"
TOO_MANY_BOOKS: constant(String[32]) = "vault: too many books"
TOO_MANY_MARKETS: constant(String[32]) = "vault: too many markets"
MARKET_EXISTS: constant(String[32]) = "vault: market exists"
INSUFFICIENT_CASH: constant(String[32]) = "vault: insufficient cash"
CASH_LOCKED: constant(String[32]) = "vault: cash is locked"
MARKET_OVERDRAWN: constant(String[32]) = "vault: market overdrawn"
REWARD_TOO_HIGH: constant(String[32]) = "vault: reward too high"
TRANSFER_FAILED: constant(String[32]) = "vault: transfer failed"
WRONG_AMOUNT_RECEIVED: constant(String[32]) = "vault: wrong amount received"
BAD_DECIMALS: constant(String[32]) = "vault: bad decimals"

# Numbers
OUT_OF_RANGE: constant(String[32]) = "math: out of range"
