"""Deployment: a parameters file in, a manifest out, verified by reading the chain back."""

from __future__ import annotations

from ballast.deploy.manifest import FOLDER, DeploymentError, Entry, Manifest
from ballast.deploy.proposal import Proposal, Stage
from ballast.deploy.protocol import Protocol
from ballast.deploy.settings import Setting

__all__ = ["FOLDER", "DeploymentError", "Entry", "Manifest", "Proposal", "Protocol", "Setting", "Stage"]
