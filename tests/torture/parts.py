"""The parts of the stack that matter here."""

# What a consultation needs, and with it what those need.
PARTS = ("edge", "gateway", "identity", "partners", "quotient")
KILLED = ("quotient", "gateway", "postgres")
BREAKABLE = ("quotient", "gateway")
