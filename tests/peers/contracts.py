"""The service contracts of Contracts.cs in Python; the data contracts are in datatypes.py."""
