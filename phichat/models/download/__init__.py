"""Downloads that go on where they were left."""
