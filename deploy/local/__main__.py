"""`python -m deploy.local up|down|reset|status`."""

import sys

INTERRUPTED = 130

if __name__ == "__main__":
    try:
        # Within the try: the imports take a second, in which Ctrl-C should leave no traceback.
        from deploy.local.cli import main

        main()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
