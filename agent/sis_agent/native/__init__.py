"""The library of sparse kernels on the board: what it says of the processor, and how long its layers take there."""
