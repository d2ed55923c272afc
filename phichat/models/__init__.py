"""Model files: the catalogue, the library on disk, the Hub, and downloads. No Qt."""
