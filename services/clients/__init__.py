"""The wire. Base URL and credentials in, plain values out; no models, no flask."""
