"""Many trainings, one table: accuracy over shares, granularities, distributions and seeds.

    plan      which structures, and the trials that they need
    trial     one trial: what it is asked (Task), what it found (Trial, a file of its own), why it failed (Failure)
    work      one trial on whatever machine it comes to
    places    where trials run, one registry: here (this machine), cluster (Ray; joining it is joining.py's)
    running   trials that are missing are run, and written as they come
    summary   mean, spread, and which differences lie inside the noise
    tables, chart   what is written of it

A sweep chooses, so it never looks at the test images: accuracy is that on training images that were held out.
"""
