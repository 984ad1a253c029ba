"""Reminders of what falls due: kept until a mailer says that it delivered them."""
