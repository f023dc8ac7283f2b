"""The backend ``spectrogram``: log-mel spectrograms and a convolutional network."""
