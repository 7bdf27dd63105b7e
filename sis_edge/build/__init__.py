"""From networks and a profile to a bundle: plan, steps, manifest."""
