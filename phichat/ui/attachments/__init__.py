"""Attached files: chips, and a window that shows one."""
