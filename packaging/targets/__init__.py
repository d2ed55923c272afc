"""One module for each target of build.py: `add_options(parser)` and `build(options)`, which gives what it made."""
