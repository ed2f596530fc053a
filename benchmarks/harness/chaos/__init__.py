"""What ``chaos.py`` is made of: a steady load, the world it runs in, and what is done to it."""
