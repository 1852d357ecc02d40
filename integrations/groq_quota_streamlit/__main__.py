"""
`python -m groq_quota_streamlit` runs the standalone app, with the options of `Options`.
"""

from __future__ import annotations

import sys

from .serving import Options, serve

if __name__ == "__main__":
    serve(Options.of(sys.argv[1:]))
