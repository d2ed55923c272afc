"""Benchmarks run by hand, and the tests of `phichat bench`."""
