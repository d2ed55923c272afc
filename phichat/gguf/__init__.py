"""GGUF files: their headers, models in several files, and which of them are models to chat with."""

from phichat.gguf.header import (
    Head,
    check_embedding_model,
    damaged,
    describe_by_beginning,
    missing_parts_message,
    read_head,
)
from phichat.gguf.kinds import describe_by_metadata, is_foreign_model, is_piece, is_text
from phichat.gguf.split import first_part, missing_parts, part_names, part_number, part_paths, whole_name

__all__ = [
    "Head",
    "check_embedding_model",
    "damaged",
    "describe_by_beginning",
    "describe_by_metadata",
    "first_part",
    "is_foreign_model",
    "is_piece",
    "is_text",
    "missing_parts",
    "missing_parts_message",
    "part_names",
    "part_number",
    "part_paths",
    "read_head",
    "whole_name",
]
