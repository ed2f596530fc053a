"""Commands that ask the service of this machine: ``list``, ``who``, ``stats``."""
