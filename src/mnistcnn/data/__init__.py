"""Loading, downloading and preprocessing of data sets.

May import `utils`; never Keras or TensorFlow. Only `download` opens a connection.
"""
