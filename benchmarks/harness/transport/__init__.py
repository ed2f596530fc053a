"""What ``benchmarks/transport.py`` consists of."""
