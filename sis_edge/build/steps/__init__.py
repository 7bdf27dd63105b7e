"""The steps of a build, one file each; a step that was done for the same inputs is not done again."""
