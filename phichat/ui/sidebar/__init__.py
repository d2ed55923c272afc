"""The sidebar: the list of conversations, search, the bin, import and export."""
