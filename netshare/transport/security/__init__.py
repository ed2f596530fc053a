"""Secure channels: what upgrades and message credentials share."""
