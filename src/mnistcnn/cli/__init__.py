"""The command `mnistcnn`; one module per subcommand.

May import every other subpackage.
"""
