"""Deployment: a parameters file in, a manifest out, verified by reading the chain back."""

from __future__ import annotations

from ballast.deploy.manifest import FOLDER, DeploymentError, Entry, Manifest
from ballast.deploy.proposal import Proposal, Stage
from ballast.deploy.protocol import Protocol

__all__ = ["FOLDER", "DeploymentError", "Entry", "Manifest", "Proposal", "Protocol", "Stage"]
