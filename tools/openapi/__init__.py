"""The OpenAPI 3.1 document of the gateway, made of its protos and their comments: `python -m tools.openapi`."""
