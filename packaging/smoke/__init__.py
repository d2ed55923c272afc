"""One module for each check of `build.py smoke`: `check(folder)`, and `AFTER`, the names of checks that go first.

`check` may write into `folder`, which is empty and its own; it gives a few words with figures, or raises Trouble.
"""
