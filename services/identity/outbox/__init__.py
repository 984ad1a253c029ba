"""What users are to be told by mail: kept until a mailer says that it was delivered."""
