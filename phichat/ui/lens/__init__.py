"""The sampling lens: what the model weighed, as bars and in the answer."""
