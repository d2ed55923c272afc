"""The engine that llama.cpp is; the only room that knows it."""
