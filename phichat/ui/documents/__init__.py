"""Documents that questions are about: their collections, the sources of an answer, and the viewer."""
