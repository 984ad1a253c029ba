"""What the project checks and builds itself with: `make check`, `make protos`, the test browser."""
