"""The OpenAI-compatible HTTP server, by which other programs use the model. Built on starlette and uvicorn."""
