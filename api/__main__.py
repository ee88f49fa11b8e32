"""`python -m api`: serve what was computed."""

import sys

import uvicorn

from api.app import create_app
from infra.settings import Settings
from schemas.errors import ConfigError

EXIT_CONFIG = 78
"""EX_CONFIG of sysexits.h."""


def main() -> int:
    """Serve until a signal ends it."""
    try:
        settings = Settings.from_environment()
        app = create_app(settings)
    except ConfigError as exc:
        sys.stderr.write(f"{exc}\n")
        return EXIT_CONFIG
    uvicorn.run(app, host=settings.api.host, port=settings.api.port, access_log=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
