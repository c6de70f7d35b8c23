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
NO_ADDRESS: constant(String[32]) = "vault: zero address"
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
NO_BOOK: constant(String[32]) = "vault: no such book"
NOT_IN_ESCROW: constant(String[32]) = "vault: not in escrow"
TOO_MANY_ORDERS: constant(String[32]) = "vault: too many orders"
POOL_IS_SET: constant(String[32]) = "vault: pool is set"
VAULT_PARAMETER: constant(String[32]) = "vault: parameter out of bounds"

# Numbers
OUT_OF_RANGE: constant(String[32]) = "math: out of range"

# Market
ZERO_SIZE: constant(String[32]) = "market: zero size"
OPENING_CLOSED: constant(String[32]) = "market: opening is closed"
REDUCING_CLOSED: constant(String[32]) = "market: reducing is closed"
OPEN_INTEREST_CAP: constant(String[32]) = "market: open interest cap"
POOL_BOOK: constant(String[32]) = "market: the pool's own book"
BAD_FRACTION: constant(String[32]) = "market: bad fraction"
COST_TOO_HIGH: constant(String[32]) = "market: cost too high"
UNKNOWN_STATE: constant(String[32]) = "market: unknown state"
MARKET_PARAMETER: constant(String[32]) = "market: parameter out of bounds"

# Pool
NO_QUOTE: constant(String[32]) = "pool: no quote"
INVENTORY_LIMIT: constant(String[32]) = "pool: inventory limit"
POOL_PARAMETER: constant(String[32]) = "pool: parameter out of bounds"

# Exchange
NO_ORDER: constant(String[32]) = "exchange: no such order"
NO_FEES: constant(String[32]) = "exchange: market has no fees"
EMPTY_ORDER: constant(String[32]) = "exchange: zero size"
TOO_EARLY: constant(String[32]) = "exchange: too early"
NOT_VOID: constant(String[32]) = "exchange: order is not void"
NOT_SELF: constant(String[32]) = "exchange: not itself"
NOT_ENOUGH_GAS: constant(String[32]) = "exchange: not enough gas"
NOTHING_TO_REDUCE: constant(String[32]) = "exchange: nothing to reduce"
BEYOND_LIMIT: constant(String[32]) = "exchange: beyond limit price"
BELOW_INITIAL_MARGIN: constant(String[32]) = "exchange: below initial margin"
RISK_NOT_REDUCED: constant(String[32]) = "exchange: risk not reduced"
RISK_SHARE: constant(String[32]) = "exchange: above risk share"
FILL_FAILED: constant(String[32]) = "exchange: fill failed"
EXCHANGE_PARAMETER: constant(String[32]) = "exchange: bad parameter"
POOL_BELOW_MARGIN: constant(String[32]) = "pool: below margin"

# Oracle
FEED_NOT_SET: constant(String[32]) = "oracle: feed not set"
FEED_PARAMETER: constant(String[32]) = "oracle: parameter out of bounds"
EMPTY_ROUND: constant(String[32]) = "oracle: empty round"
INCOMPLETE_ROUND: constant(String[32]) = "oracle: incomplete round"
FUTURE_ROUND: constant(String[32]) = "oracle: round in the future"
NEGATIVE_PRICE: constant(String[32]) = "oracle: negative price"
ZERO_PRICE: constant(String[32]) = "oracle: zero price"
PRICE_TOO_HIGH: constant(String[32]) = "oracle: price too high"
STALE_PRICE: constant(String[32]) = "oracle: stale price"
POKE: constant(String[32]) = "oracle: poke"
UNKNOWN_ROUND: constant(String[32]) = "oracle: unknown round"
ROUND_TOO_EARLY: constant(String[32]) = "oracle: round too early"
NOT_FIRST_ROUND: constant(String[32]) = "oracle: not the first round"
UNPROVEN_ROUND: constant(String[32]) = "oracle: no valid predecessor"
