"""Everything that opens connections: the HTTP client, proxies, the check for updates."""
