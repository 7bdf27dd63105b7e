"""From networks and a profile to a bundle.

networks.py          which networks: each graph formed once, trained weights looked up once
default_networks.py  those of a build that names none
own_network.py       one beside the paper's, dense and SiS, for the images and classes of the data set
plan.py              what to build, where a build stands, the key of a finished one
context.py           what the steps share: data, recipe, who is told of progress
steps/               train, export, native, variants, engines: each done once for the same inputs
manifest.py          what the bundle says of itself
pipeline.py          the steps in their order
"""
