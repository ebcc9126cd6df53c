"""Tools that create what the package ships."""
