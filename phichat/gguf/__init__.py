"""GGUF files: their headers, models in several files, and which of them are models to chat with."""

from phichat.gguf.header import Head, damaged, missing_parts_message, read_head
from phichat.gguf.kinds import is_text
from phichat.gguf.split import first_part, missing_parts, part_names, part_number, part_paths, whole_name

__all__ = [
    "Head",
    "damaged",
    "first_part",
    "is_text",
    "missing_parts",
    "missing_parts_message",
    "part_names",
    "part_number",
    "part_paths",
    "read_head",
    "whole_name",
]
