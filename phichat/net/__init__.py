"""What asks the web: HTTP, proxies, the releases page."""
