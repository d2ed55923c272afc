"""The body of a message: text, code, tables and formulas."""
