"""The protocol as domain objects: accounts, books, policies, orders."""

from __future__ import annotations

from ballast.client.account import Account, Report
from ballast.client.client import Ballast, UnknownName
from ballast.client.credit import Credit, Insurance, Leaving
from ballast.client.objects import Book, Gate, Leg, Market, Order, Policy, Rebalance, Right, State, Treasury
from ballast.client.pool import Pool, Request, Status
from ballast.client.units import from_wad, to_wad

__all__ = [
    "Account",
    "Ballast",
    "Book",
    "Credit",
    "Gate",
    "Insurance",
    "Leaving",
    "Leg",
    "Market",
    "Order",
    "Policy",
    "Pool",
    "Rebalance",
    "Report",
    "Request",
    "Right",
    "State",
    "Status",
    "Treasury",
    "UnknownName",
    "from_wad",
    "to_wad",
]
