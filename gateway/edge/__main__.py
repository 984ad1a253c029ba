"""`python -m gateway.edge --config FILE` builds Envoy's configuration and becomes Envoy."""

import argparse
import json
import sys
from pathlib import Path

from gateway.edge.bootstrap import bootstrap
from gateway.edge.config import EdgeSettings
from gateway.edge.envoy import become, nameless_file, validate
from gateway.edge.tls import require_pair, secret
from services.kit.config import ConfigError, load


def main() -> None:
    """Exits with the remedy on standard error when the settings cannot be used."""
    parser = argparse.ArgumentParser(prog="edge", description="Runs the TLS edge.")
    parser.add_argument("--config", type=Path, required=True, help="TOML configuration file")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--print", action="store_true", help="print Envoy's configuration and stop")
    only.add_argument("--check", action="store_true", help="let Envoy check it and stop")
    arguments = parser.parse_args()
    try:
        settings = load(EdgeSettings, arguments.config, "QF_EDGE_")
        require_pair(settings.tls)
        configuration = bootstrap(settings, nameless_file(secret(settings.tls)))
        if arguments.print:
            sys.stdout.write(json.dumps(configuration, indent=2) + "\n")
        elif arguments.check:
            sys.exit(validate(settings, configuration))
        else:
            become(settings, configuration)
    except ConfigError as error:
        sys.exit(f"edge: {error}")


main()
