"""`qf`, the internal client of caisse agents and operators: real gRPC, real mutual TLS, its own certificate."""
