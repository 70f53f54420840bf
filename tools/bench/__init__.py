"""Benchmarks of the program on real parts."""
