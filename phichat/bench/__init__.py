"""What `phichat bench` measures."""
