"""How an internal system names the agent who acts through it (art. 4-1): what callers send and the register reads."""

AGENT_METADATA = "caisse-agent"
