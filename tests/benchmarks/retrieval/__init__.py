"""How well passages are found: `python -m tests.benchmarks.retrieval FOLDER`."""
