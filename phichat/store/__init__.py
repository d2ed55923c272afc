"""What must not be lost. No Qt."""
