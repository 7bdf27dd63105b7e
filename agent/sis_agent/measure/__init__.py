"""The measuring of a job: each network isolated, then all in rounds, while the sampler reads sensors."""
