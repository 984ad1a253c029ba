"""What measures speed, beside the peer it is measured against, in one run: these machines are noisy."""
