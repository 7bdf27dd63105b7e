"""The measuring of a job: each network isolated, then all in rounds, with the sampler beside them."""
