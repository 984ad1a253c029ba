"""The embedded stack behind `make up`: every server of the suite on one machine, on loopback, data in `.local/`.

PostgreSQL, Valkey and Envoy are the real ones, from wheels; nothing is installed outside the project.
"""
