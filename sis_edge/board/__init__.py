"""Where host meets board: agent, bundle and job go over, the record comes back."""
