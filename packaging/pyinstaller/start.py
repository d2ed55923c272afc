"""What the frozen program runs first."""

import sys

from phichat.__main__ import main

sys.exit(main())
