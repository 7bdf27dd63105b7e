"""Many trainings, one table: accuracy over densities, granularities, distributions and seeds.

    plan        which structures, and the trials that they need
    trial       one trial: what to train (Task), its result (Trial, a file of its own), or why it failed (Failure)
    work        one trial, on whatever machine it runs
    executors   where trials run, one registry: local (this machine), ray (a cluster)
    running     missing trials are run, and written as they come
    summary     mean, standard deviation, and which differences are significant
    tables, chart   the results as text, files and a picture

A sweep chooses, so it never uses the test images: accuracy is that on training images that were held out.
"""
