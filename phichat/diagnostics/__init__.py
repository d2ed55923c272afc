"""The doctor's report, the self-test, logs, licences, and whether a window can open."""
