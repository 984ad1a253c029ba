"""The TLS edge: builds the configuration of Envoy from our settings and stubs, and becomes Envoy."""
