"""Speed of single-digit inference, and export formats."""
