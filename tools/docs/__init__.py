"""Scripts that make the images of the documentation."""
